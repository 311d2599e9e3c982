"""A run's folder, its flags, and its sums (the contract)."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import datasets
import jsonschema
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.engine.local import run_local
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.interrupt.topic_interweaving import NAME as INTERWEAVING

from .conftest import LONG, ROOT, TDM_SAMPLE, Rows, manifest_of, rows_of

Run = Callable[..., subprocess.CompletedProcess[str]]
BuiltRows = Callable[..., Rows]
WriteDialogues = Callable[..., Path]


SINGLES = ("--rates", "uninterrupted=1,generation_termination=1")


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tdm run over the sample, with a validation split."""
    out = tmp_path_factory.mktemp("sample") / "run"
    subprocess.run(
        [
            *(sys.executable, "-m", "duplexdata", "build"),
            *("--format", "tdm", "--source", "sample"),
            *("--validation", "0.3", "--out", str(out)),
        ],
        check=True,
        capture_output=True,
    )
    return out


def test_folder_holds_what_the_contract_says(sample_run: Path) -> None:
    """Shards, card, rejects, manifest and run facts, and nothing else."""
    assert sorted(file.name for file in sample_run.iterdir()) == [
        "README.md",
        "data",
        "left_out.parquet",
        "manifest.json",
        "rejected.parquet",
        "run.json",
    ]
    assert {file.name.split("-")[0] for file in (sample_run / "data").iterdir()} == {
        "train",
        "validation",
    }


def test_datasets_loads_the_folder(sample_run: Path, tmp_path: Path) -> None:
    """The card's YAML names the data files, so that load_dataset finds both splits."""
    loaded = datasets.load_dataset(str(sample_run), cache_dir=str(tmp_path / "cache"))
    counts = manifest_of(sample_run)["counts"]["splits"]
    assert {split: rows.num_rows for split, rows in loaded.items()} == counts
    first = loaded["train"][0]
    assert set(first["output"][0]) == {"role", "content"}


def test_manifest_names_every_file_by_hash(sample_run: Path) -> None:
    """Sha256, size and rows of each Parquet file are those of the file on disk."""
    files = manifest_of(sample_run)["files"]
    on_disk = {f"data/{file.name}" for file in (sample_run / "data").iterdir()}
    assert set(files) == on_disk | {"rejected.parquet", "left_out.parquet"}
    for path, facts in files.items():
        data = (sample_run / path).read_bytes()
        assert facts["sha256"] == hashlib.sha256(data).hexdigest()
        assert facts["bytes"] == len(data)
        assert facts["rows"] == pq.read_metadata(sample_run / path).num_rows


def test_manifest_keeps_to_its_schema(sample_run: Path) -> None:
    """The manifest, and the recipe in it, keep to their JSON Schemas."""
    manifest = manifest_of(sample_run)
    for name, value in (("manifest", manifest), ("recipe", manifest["recipe"])):
        schema = json.loads((ROOT / "schemas" / f"{name}.json").read_text("utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(value, schema)


def test_manifest_holds_nothing_of_the_place_or_time(sample_run: Path) -> None:
    """Neither the run's folder nor a time is in what must be the same bytes (rule 8)."""
    text = (sample_run / "manifest.json").read_text("utf-8")
    assert str(sample_run) not in text
    assert "seconds" not in text
    assert json.loads((sample_run / "run.json").read_text("utf-8"))["seconds"] > 0


def test_a_source_dialogue_is_in_one_split_only(sample_run: Path) -> None:
    """All that is made of a dialogue, in any type, goes to one split (rule 9)."""
    splits: dict[str, set[str]] = {}
    for file in (sample_run / "data").iterdir():
        for row in pq.read_table(file, columns=["source_ids"]).to_pylist():
            for source_id in row["source_ids"]:
                splits.setdefault(source_id, set()).add(file.name.split("-")[0])
    assert len(splits) == manifest_of(sample_run)["counts"]["kept"]
    assert all(len(found) == 1 for found in splits.values())


def test_no_dialogue_crosses_the_split_in_any_type_group_or_format(tmp_path: Path) -> None:
    """Rule 9 over all that two runs hold: every type, in groups of every size, tdm and duo."""
    sides: dict[str, set[str]] = {}
    seen: set[tuple[str, str, int, str]] = set()
    for row_format in ("tdm", "duo"):
        out = tmp_path / row_format
        knobs: dict[str, Any] = {
            "format": row_format,
            "source": ["sample"],
            "validation": 0.4,
            "samples": 0,
            "rates": ",".join(f"{name}=1" for name in TYPES),
            "statements": 0.5,
        }
        run_build(knobs, config=None, out=out, workers=1, engine="local", overwrite=False)
        for file in (out / "data").iterdir():
            split = file.name.split("-")[0]
            for row in pq.read_table(file, columns=["type", "source_ids"]).to_pylist():
                seen.add((row_format, row["type"], len(row["source_ids"]), split))
                for source_id in row["source_ids"]:
                    sides.setdefault(source_id, set()).add(split)
    assert len(sides) == 90
    assert all(len(found) == 1 for found in sides.values())
    both = {"train", "validation"}
    for row_format in ("tdm", "duo"):
        mine = [one for one in seen if one[0] == row_format]
        for name in TYPES:
            assert {split for _, found, _, split in mine if found == name} == both, name
        assert {size for _, found, size, _ in mine if found == INTERWEAVING} == {3, 4, 5}


def test_formats_split_alike(sample_run: Path, built_rows: BuiltRows) -> None:
    """A dialogue is in the same split in both formats, and both tell the same conversations."""
    duo = built_rows("--format", "duo", "--source", "sample", "--validation", "0.3")
    tdm = rows_of(sample_run)
    assert [row["id"] for row in tdm] == [row["id"] for row in duo]
    assert [row["utterances"][-1]["unheard"] for row in tdm] == [
        row["utterances"][-1]["unheard"] for row in duo
    ]


def test_ids_are_unique_and_stable(built_rows: BuiltRows) -> None:
    """No id comes twice; a row's id does not depend on the seed."""
    first, second = (
        [row["id"] for row in built_rows(*TDM_SAMPLE, *SINGLES, "--seed", seed)]
        for seed in ("0", "1")
    )
    assert first == second
    assert len(set(first)) == len(first) == 180


def test_another_seed_tells_other_stories(built_rows: BuiltRows) -> None:
    """The seed changes slices and cuts."""
    first, second = (built_rows(*TDM_SAMPLE, *SINGLES, "--seed", seed) for seed in ("0", "1"))
    assert sum(a["output"] != b["output"] for a, b in zip(first, second, strict=True)) > 170


def test_rates_are_shares_and_unnamed_types_are_off(
    built_rows: BuiltRows, write_dialogues: WriteDialogues
) -> None:
    """A type takes its share of dialogues; one that is not named takes none."""
    source = write_dialogues([[f"{number}?", LONG, "And?", LONG] for number in range(1000)])
    rows = built_rows("--format", "tdm", "--source", source, "--rates", "uninterrupted=0.3")
    assert {row["type"] for row in rows} == {"uninterrupted"}
    assert abs(len(rows) - 300) < 5 * (1000 * 0.3 * 0.7) ** 0.5


def test_samples_keep_that_many_rows_whatever_the_order(
    built_rows: BuiltRows, write_dialogues: WriteDialogues
) -> None:
    """--samples N keeps N rows, the same ones when the source's rows are shuffled."""
    dialogues = [[f"{number}?", LONG, "And?", LONG] for number in range(60)]
    source = write_dialogues(dialogues)
    kept = built_rows("--format", "tdm", "--source", source, "--samples", "25", *SINGLES)
    source = write_dialogues(dialogues[::-1])
    again = built_rows("--format", "tdm", "--source", source, "--samples", "25", *SINGLES)
    everything = built_rows("--format", "tdm", "--source", source, "--samples", "0", *SINGLES)
    assert len(kept) == 25
    assert {row["id"] for row in kept} == {row["id"] for row in again}
    assert len(everything) == 120
    assert Counter(row["type"] for row in kept).keys() == {
        "uninterrupted",
        "generation_termination",
    }


def test_samples_over_several_blocks_and_workers(duplexdata: Run, tmp_path: Path) -> None:
    """Sampled rows are the same with one worker and two, and the sums name what is not sampled."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 7\n")
    for workers in ("1", "2"):
        done = duplexdata(
            *("build", "--format", "duo", "--source", "sample", "--samples", "11", *SINGLES),
            *("--config", recipe, "--out", tmp_path / workers, "--workers", workers),
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "1" / "manifest.json").read_bytes() == (
        tmp_path / "2" / "manifest.json"
    ).read_bytes()
    counts = manifest_of(tmp_path / "1")["counts"]
    assert sum(counts["written"].values()) == 11 == len(rows_of(tmp_path / "1"))
    assert sum(counts["planned"].values()) == 180
    assert sum(counts["not_sampled"].values()) == 169


def test_default_samples_of_duo_are_ten_thousand(duplexdata: Run, tmp_path: Path) -> None:
    """Duo keeps 10,000 rows unless told otherwise, tdm all."""
    for name, samples in (("tdm", 0), ("duo", 10_000)):
        duplexdata("build", "--format", name, "--source", "sample", "--out", tmp_path / name)
        assert manifest_of(tmp_path / name)["recipe"]["samples"] == samples


def test_rejects_and_left_out_rows_are_named(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """rejected.parquet names each source row that is in no row, left_out.parquet each of a type."""
    source = write_dialogues([["a?", "yes"], ["b?", ""], ["a?", "yes"], ["c?", LONG, "d?", LONG]])
    out = tmp_path / "out"
    done = duplexdata("build", "--format", "tdm", "--source", source, "--out", out, *SINGLES)
    assert done.returncode == 0, done.stderr
    rejected = pq.read_table(out / "rejected.parquet").to_pylist()
    assert [(one["row"], one["line"], one["source_id"], one["reason"]) for one in rejected] == [
        (2, 2, None, "empty_content"),
        (3, 3, None, "duplicate"),
    ]
    assert {one["source"] for one in rejected} == {str(source)}
    (left_out,) = pq.read_table(out / "left_out.parquet").to_pylist()
    assert left_out == {
        "source": str(source),
        "row": 1,
        "line": 1,
        "source_id": "dialogues:0",
        "type": "generation_termination",
        "reason": "no_cuttable_answer",
    }
    counts = manifest_of(tmp_path / "out")["counts"]
    assert counts["source_rows"] == 4
    assert counts["kept"] == 2
    assert counts["rejected"] == {"duplicate": 1, "empty_content": 1}
    assert counts["left_out"] == {"no_cuttable_answer": {"generation_termination": 1}}


def test_a_dialogue_in_no_row_at_all_is_rejected_by_name(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """A usable dialogue that is left out of every type is a source row left out, once."""
    source = write_dialogues([["a?", "yes"], ["c?", LONG, "d?", LONG]])
    done = duplexdata(
        *("build", "--format", "tdm", "--source", source, "--out", tmp_path / "out"),
        *("--rates", "generation_termination=1,regeneration=1"),
    )
    assert done.returncode == 0, done.stderr
    (row,) = pq.read_table(tmp_path / "out" / "rejected.parquet").to_pylist()
    assert (row["row"], row["source_id"], row["reason"]) == (1, "dialogues:0", "no_cuttable_answer")


def test_defused_markers_are_counted(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """The manifest counts the control tokens that were defused in written rows (rule 6)."""
    source = write_dialogues([["What is <idle>?", "It is <idle>, not <1>."]])
    duplexdata(
        *("build", "--format", "tdm", "--source", source, "--out", tmp_path / "out"),
        *("--rates", "uninterrupted=1"),
    )
    assert manifest_of(tmp_path / "out")["counts"]["defused"] == 3


def test_standard_output_is_the_folder_alone(duplexdata: Run, tmp_path: Path) -> None:
    """Results go to standard output, talk to standard error."""
    done = duplexdata("build", "--format", "tdm", "--source", "sample", "--out", tmp_path / "out")
    assert done.stdout == f"{tmp_path / 'out'}\n"
    assert "ranks from" in done.stderr


def test_nothing_to_write_is_exit_1(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path
) -> None:
    """Usable rows of which no row can be made are an error that says why."""
    source = write_dialogues([["a?", "yes"]])
    done = duplexdata(
        *("build", "--format", "tdm", "--source", source, "--out", tmp_path / "out"),
        *("--rates", "generation_termination=1"),
    )
    assert done.returncode == 1
    assert "no_cuttable_answer" in done.stderr
    assert "go on with" not in done.stderr


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (
            "max_tokens = 1\n[rates]\nuninterrupted = 1\ndialogue_reset = 1\n",
            "4 times left out of a type as group_not_filled (too few dialogues were left for a "
            "group); 4 times left out of a type as too_long (it does not fit the length budget, "
            "however shortened)",
        ),
        (
            "[[sources]]\npath = 'dialogues.jsonl'\nweight = 0.000001\n",
            "4 rejected as not_drawn (its source has a weight below 1, and chance did not draw it)",
        ),
        ("[rates]\nregeneration = 0.000001\n", "4 drawn for no type by the rates"),
    ],
)
def test_why_nothing_can_be_built_is_said_in_words(
    duplexdata: Run, write_dialogues: WriteDialogues, tmp_path: Path, recipe: str, words: str
) -> None:
    """What became of the rows is told, and nothing is left that another recipe stumbles over."""
    source = write_dialogues([[f"What is {one}?", LONG, "And?", LONG] for one in "abcd"])
    (tmp_path / "recipe.toml").write_text(recipe, encoding="utf-8")
    flags = ("--format", "tdm", "--out", "out")
    given = ("--source", source.name) if "sources" not in recipe else ()
    done = duplexdata("build", *flags, *given, "--config", "recipe.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"error: no row could be built of 4 source rows: {words}\n"
        "it takes another recipe, or other sources\n"
    )
    again = duplexdata("build", *flags, "--source", source.name, cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--format"),
        (("--format", "wav"), "format"),
        (("--format", "tdm"), "--source sample"),
        (("--format", "tdm", "--source", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--format", "tdm", "--source", "sample", "--rates", "x=1"), "uninterrupted"),
        (("--format", "tdm", "--source", "sample", "--rates", "uninterrupted"), "rates"),
        (("--format", "tdm", "--source", "sample", "--rates", "uninterrupted=2"), "rates"),
        (("--format", "tdm", "--source", "sample", "--rates", "uninterrupted=0"), "nothing"),
        (("--format", "tdm", "--source", "sample", "--validation", "1"), "validation"),
        (("--format", "tdm", "--source", "sample", "--validation", "nan"), "finite"),
        (
            ("--format", "tdm", "--source", "sample", "--rates", "regeneration=1,regeneration=0"),
            "twice",
        ),
        (("--format", "tdm", "--source", "sample", "--limit", "0"), "limit"),
        (("--format", "tdm", "--source", "sample", "--slice-tokens", "0"), "slice_tokens"),
        (("--format", "tdm", "--source", "sample", "--tokenizer", "no_such"), "no_such"),
        (("--format", "tdm", "--source", "sample", "--llm", "psychic"), "llm"),
        (("--format", "tdm", "--source", "sample", "--engine", "steam"), "engine"),
        (("--format", "tdm", "--source", "sample", "--layout", "floor"), "layout"),
        (("--format", "tdm", "--source", "sample", "--language", "fr"), "language"),
        (("--format", "tdm", "--source", "sample", "--config", "none.toml"), "none.toml"),
    ],
)
def test_wrong_commands_are_exit_2_in_a_line_or_two(
    duplexdata: Run, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    """What is wrong is said in a line or two that name it; nothing is left behind."""
    done = duplexdata("build", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == 1
    assert not list(tmp_path.iterdir())


def test_debug_shows_a_traceback(duplexdata: Run) -> None:
    """A traceback comes with --debug, and only then."""
    done = duplexdata("build", "--format", "tdm", "--source", "nowhere.jsonl", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_tail_idle_and_stop_share_come_from_the_recipe(
    built_rows: BuiltRows, tmp_path: Path
) -> None:
    """A TOML recipe holds knobs that have no flag; flags win over it."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'format = "duo"\nsource = ["sample"]\ntail_idle = 3\nstop_share = 1\n'
        "[rates]\ngeneration_termination = 1\n"
    )
    rows = built_rows("--format", "tdm", "--config", recipe)
    assert len(rows) == 90
    for row in rows:
        assert row["utterances"][-1]["state"] == "stop"
        contents = [part["content"] for part in row["output"]]
        assert contents[-6:] == ["<idle>"] * 6
        assert contents[-8] != "<idle>"


@pytest.mark.parametrize(
    ("content", "named"),
    [("seeed = 1", "seeed"), ("seed = 'x'", "seed"), ("[rates]\nuninterrupted = 3", "rates.unint")],
)
def test_wrong_recipe_names_file_and_key(
    duplexdata: Run, tmp_path: Path, content: str, named: str
) -> None:
    """A recipe that breaks its schema is refused with the file and the key."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(content)
    done = duplexdata("build", "--format", "tdm", "--source", "sample", "--config", recipe)
    assert done.returncode == 2
    assert "recipe.toml" in done.stderr
    assert named in done.stderr


def test_own_transitions(built_rows: BuiltRows, tmp_path: Path) -> None:
    """The recipe can name a file of the user's own transitions."""
    own = tmp_path / "own.toml"
    own.write_text('[generation_termination]\nstop = ["Cut!"]\n')
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[transitions]\nen = "{own}"\nzh = "{own}"\n')
    rows = built_rows(
        *("--format", "duo", "--source", "sample", "--config", recipe),
        *("--rates", "generation_termination=1"),
    )
    assert {row["messages"][-2]["content"] for row in rows} == {"Cut!<1>"}


def test_sample_is_built_in_both_languages(sample_run: Path) -> None:
    """The sample gives English and Chinese rows."""
    languages = manifest_of(sample_run)["counts"]["languages"]
    assert languages["en"] >= 120
    assert languages["zh"] >= 40


def test_all_types_are_built_by_default(sample_run: Path) -> None:
    """Without --rates every type takes the paper's share, and its sums add up."""
    counts = manifest_of(sample_run)["counts"]
    assert set(counts["written"]) == {
        "uninterrupted",
        "topic_interweaving",
        "generation_termination",
        "regeneration",
        "dialogue_reset",
        "back_on_topic",
    }
    for name, drawn in counts["drawn"].items():
        left_out = sum(by.get(name, 0) for by in counts["left_out"].values())
        assert drawn == counts["in_rows"][name] + left_out


def test_statements_by_default_in_duo_alone(built_rows: BuiltRows) -> None:
    """Duo has half a statement an answer unless told otherwise, tdm none."""
    kinds = {
        name: [
            one["kind"]
            for row in built_rows("--format", name, "--source", "sample", *SINGLES)
            for one in row["utterances"]
        ]
        for name in ("tdm", "duo")
    }
    assert "statement" not in kinds["tdm"]
    answers = kinds["duo"].count("answer")
    assert 0.35 * answers < kinds["duo"].count("statement") < 0.55 * answers


def test_files_of_one_stem_are_told_apart(built_rows: BuiltRows, tmp_path: Path) -> None:
    """No two dialogues have one source_id, though their files share a name and have no ids."""
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        row = json.dumps({"id": "#1", "data": [f"Question {number}?", LONG, "And?", LONG]})
        (tmp_path / str(number) / "part.jsonl").write_text(row + "\n")
    rows = built_rows("--format", "tdm", "--source", str(tmp_path / "*" / "part.jsonl"), *SINGLES)
    assert {one for row in rows for one in row["source_ids"]} == {"part:#1", "part~2:#1"}


def test_rows_over_several_row_groups_are_all_there(
    built_rows: BuiltRows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A shard of many row groups holds the rows that one of a single group holds."""
    whole = built_rows(*TDM_SAMPLE, *SINGLES)
    monkeypatch.setattr("duplexdata.pipeline.block._GROUP_PAIRS", 50)
    run_build(
        {"format": "tdm", "source": ["sample"], "rates": SINGLES[1]},
        config=None,
        out=tmp_path / "grouped",
        workers=1,
        engine="local",
        overwrite=False,
    )
    shard = pq.ParquetFile(tmp_path / "grouped" / "data" / "train-00000.parquet")
    assert shard.num_row_groups > 50
    assert shard.read().to_pylist() == whole


@pytest.mark.parametrize(
    ("rates", "knobs", "is_renewed"),
    [
        ("uninterrupted=1", {}, False),
        ("uninterrupted=1", {"max_tokens": 400}, True),
        ("uninterrupted=1", {"statements": 2.0}, True),
        (SINGLES[1], {}, True),
    ],
)
def test_workers_that_write_scripts_are_renewed(
    rates: str,
    knobs: dict[str, Any],
    is_renewed: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Those of whole dialogues stay as large as they are, and are not."""
    told = []

    def engine(*given: Any, renewed_after: int | None, **others: Any) -> Generator[Any]:
        told.append(renewed_after)
        yield from run_local(*given, renewed_after=renewed_after, **others)

    engines: dict[str, Any] = {"local": engine}
    monkeypatch.setattr("duplexdata.pipeline.build.ENGINES", engines)
    run_build(
        {"format": "tdm", "source": ["sample"], "rates": rates, **knobs},
        config=None,
        out=tmp_path / "run",
        workers=1,
        engine="local",
        overwrite=False,
    )
    assert [one is not None for one in told] == [is_renewed]
