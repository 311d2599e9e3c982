"""The card of a run: what it says is what is in the folder."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
import yaml

from duplexdata.pipeline.export.card import card, is_written_here, without_seal
from duplexdata.pipeline.export.card_measured import Cue, CueTask, Measured
from duplexdata.pipeline.export.card_texts import LEFT_OUT_TEXTS, TYPE_TEXTS
from duplexdata.pipeline.export.lanes import code, pairs_of, pairs_table
from duplexdata.pipeline.export.table_1 import PAPER
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.toml_text import toml_of

from ..conftest import ROOT, manifest_of, rows_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run over the sample in a format, with statements in duo, built once."""
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            out = tmp_path_factory.mktemp("card") / name
            flags = ("--format", name, "--source", "sample", "--validation", "0.2", "--seed", "2")
            command = [sys.executable, "-m", "duplexdata", "build", *flags, "--out", str(out)]
            subprocess.run(command, check=True, capture_output=True)
            made[name] = out
        return made[name]

    return build


def text_of(folder: Path) -> str:
    """The card of a run's folder."""
    return (folder / "README.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def table(text: str, head: str) -> dict[str, list[str]]:
    """The cells of a table by its first column."""
    lines = text.split(f"{head}\n", 1)[1].splitlines()[1:]
    body = lines[: next(number for number, one in enumerate(lines) if not one.startswith("|"))]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in body]
    return {one[0].strip("`"): one[1:] for one in cells}


@pytest.mark.parametrize("name", ["tdm", "duo"])
def test_the_head_says_what_there_is(runs: Callable[[str], Path], name: str) -> None:
    """Licence, languages, task, size, tags, and the files of each split."""
    head = yaml.safe_load(text_of(runs(name)).split("---\n")[1])
    assert head == {
        "language": ["en", "zh"],
        "license": "apache-2.0",
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "tags": ["duplex", "full-duplex", "dialogue", "duplexdata"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"}
                    for split in ("train", "validation")
                ],
            }
        ],
    }


@pytest.mark.parametrize("name", ["tdm", "duo"])
def test_counts_are_those_of_the_rows(runs: Callable[[str], Path], name: str) -> None:
    """Rows by type and language, counted again from the files."""
    folder = runs(name)
    rows = rows_of(folder)
    found = table(text_of(folder), "| type | en | zh | all |")
    assert found == {
        kind: [
            *(
                str(sum((one["type"], one["language"]) == (kind, language) for one in rows))
                for language in ("en", "zh")
            ),
            str(sum(one["type"] == kind for one in rows)),
        ]
        for kind in {one["type"] for one in rows}
    }


def plain(cell: str) -> str:
    """The text of a code cell."""
    return cell.strip().strip("`").replace(r"\|", "|").replace("⏎", "\n")


@pytest.mark.parametrize("name", ["tdm", "duo"])
def test_the_examples_are_real_rows(runs: Callable[[str], Path], name: str) -> None:
    """For each type that was built stands a table whose first line begins a row of that type."""
    folder = runs(name)
    lane = "output" if name == "tdm" else "messages"
    examples = text_of(folder).split("## Examples")[1].split("\n## ")[0]
    sections = dict(
        re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", examples, re.DOTALL | re.MULTILINE)
    )
    assert set(sections) == set(TYPES)
    for kind, section in sections.items():
        lines = section.split("|---|---|\n")[1].splitlines()
        first = plain(re.split(r"(?<!\\)\|", lines[0])[1]).split("` … `")[0]
        begins = [row[lane][0]["content"] for row in rows_of(folder) if row["type"] == kind]
        assert any(one.startswith(first) for one in begins), (kind, first)
        assert TYPE_TEXTS[kind] in section
        interrupted = kind not in {"uninterrupted", "topic_interweaving"}
        assert interrupted == ("Planned, and not heard: `" in section)


def test_what_no_page_can_show_is_escaped() -> None:
    """A NUL, an escape, line breaks of other kinds, turned text; what makes emoji stays."""
    family = "\U0001f468\u200d\U0001f469"
    assert code(f"a\0b\x1b[2J\x85c\u2028d\u202ee\n{family}") == (
        rf"`a\x00b\x1b[2J\x85c\u2028d\u202ee⏎{family}`"
    )


def test_any_name_of_a_source_stands_in_its_cell(runs: Callable[[str], Path]) -> None:
    """A file may be called anything; its line of the table stays one, of four cells."""
    folder = runs("tdm")
    manifest = manifest_of(folder)
    manifest["sources"][0]["name"] = "a|b `c`\nd"
    assert r"| ``a\|b `c`⏎d`` | 90 | `" in card(folder, manifest)


def test_long_rows_are_shown_about_their_first_cut() -> None:
    """The cut stands there, and what is left out is counted."""
    pairs = 60
    contents = [f"{side}{number}" for number in range(pairs) for side in "ua"]
    row = {
        "output": [{"role": "", "content": one} for one in contents],
        "utterances": [
            {"over": False, "kind": "message", "start": 0, "slices": 2},
            {"over": False, "kind": "answer", "start": 1, "slices": 28},
            {"over": True, "kind": "interjection", "start": 29, "slices": 2},
            {"over": False, "kind": "answer", "start": 30, "slices": 29},
        ],
    }
    lines = list(pairs_table(row, most=10))
    assert {f"| `u{place}` | `a{place}` |" for place in (0, 1, 28, 29, 30, 59)} <= set(lines)
    hidden = [int(number) for number in re.findall(r"… (\d+) more", "\n".join(lines))]
    assert len(lines) - len(hidden) + sum(hidden) == pairs
    assert len(list(pairs_table(row, most=pairs))) == pairs == len(pairs_of(row["output"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["tdm", "duo"])
def test_one_command_builds_the_same_bytes(
    runs: Callable[[str], Path], duplexdata: Run, tmp_path: Path, name: str
) -> None:
    """The recipe that the card holds, and its command, give the files of the manifest."""
    folder = runs(name)
    (recipe,) = blocks(text_of(folder), "toml")
    (tmp_path / "recipe.toml").write_text(recipe, "utf-8")
    command = re.search(r"^duplexdata (build --config .*)$", text_of(folder), re.MULTILINE)
    assert command
    done = duplexdata(*command[1].split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert manifest_of(tmp_path / "rebuilt") == manifest_of(folder)
    assert text_of(tmp_path / "rebuilt") == text_of(folder)


@pytest.mark.parametrize("name", ["tdm", "duo"])
def test_the_code_runs(runs: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """Loading works as the card says, and what it gives a trainer is a conversation."""
    folder = runs(name)
    load, train = blocks(text_of(folder), "python")
    load = load.replace('"FOLDER_OR_REPOSITORY"', repr(str(folder)))
    load = load.replace("load_dataset(", f"load_dataset(cache_dir={str(tmp_path)!r}, path=")
    chats = re.findall(r"^chats = .*$", train, re.MULTILINE)
    compile(train, "card", "exec")
    names: dict[str, Any] = {}
    exec("\n".join([load, *chats]), names)  # noqa: S102  # the card's own code
    assert isinstance(names["chats"], datasets.Dataset)
    assert names["chats"].column_names == ["messages"]
    assert {one["role"] for one in names["chats"][0]["messages"]} == {"user", "assistant"}


def test_lengths_stand_beside_the_papers(runs: Callable[[str], Path]) -> None:
    """Mean pairs of a row, counted again from the files, and Table 1's; of duo those of tdm."""
    folder = runs("tdm")
    assert "tokens of text a row" not in text_of(folder)
    rows = rows_of(folder)
    found = table(text_of(folder), "| type | mean slice pairs | ratio | the paper's mean | ratio |")
    for kind, (mean, ratio, theirs, _) in found.items():
        pairs = [len(row["output"]) // 2 for row in rows if row["type"] == kind]
        assert mean == f"{sum(pairs) / len(pairs):.1f}"
        assert float(theirs) == PAPER[kind].pairs
        assert (ratio == "1.00") == (kind == "uninterrupted")
    assert set(found) == set(TYPES)
    assert "Slice pairs are those of the same conversations" in text_of(runs("duo"))
    assert "Slice pairs are those of the same conversations" not in text_of(folder)


def test_a_length_budget_is_told(duplexdata: Run, tmp_path: Path) -> None:
    """The bound, and how many rows it shortened; without a bound there is no such line."""
    out = tmp_path / "out"
    flags = ("--format", "tdm", "--source", "sample", "--max-tokens", "300")
    assert duplexdata("build", *flags, "--out", out).returncode == 0
    shortened = sum(manifest_of(out)["counts"]["shortened"].values())
    assert shortened
    assert f"\n- at most 300 tokens of text a row; {shortened} rows lost" in text_of(out)
    assert "however shortened | `" in text_of(out)


EACH = "very source row is in a row, or named with the reason: in `rejected.parquet` where"


def named_and_used(folder: Path) -> int:
    """How many source dialogues are in a row, or named as being in none."""
    named = pq.read_table(folder / "rejected.parquet").to_pylist()
    return len(named) + len({one for row in rows_of(folder) for one in row["source_ids"]})


def test_a_card_says_what_is_named(
    runs: Callable[[str], Path], duplexdata: Run, tmp_path: Path
) -> None:
    """Each source row of a whole run; not where a sample, or chance, leaves some in no row."""
    folder = runs("tdm")
    assert f"\n\nE{EACH}" in text_of(folder)
    assert named_and_used(folder) == manifest_of(folder)["counts"]["source_rows"]
    for name, flags, said in (
        ("sample", ("--samples", "20"), "These rows are a sample: 20 of the {planned} that were"),
        ("rates", ("--rates", "uninterrupted=0.5"), "No type takes every source row: one that"),
    ):
        out = tmp_path / name
        built = duplexdata("build", "--format", "duo", "--source", "sample", *flags, "--out", out)
        assert built.returncode == 0, built.stderr
        counts, text = manifest_of(out)["counts"], text_of(out)
        assert named_and_used(out) < counts["source_rows"]
        assert f"\n\n{said.format(planned=sum(counts['planned'].values()))}" in text
        assert f"\nOtherwise e{EACH}" in text
        assert f"\n\nE{EACH}" not in text
        assert ("These rows are a sample" in text) == (name == "sample")
        assert "ordinary chat" not in text


def test_a_card_says_what_a_mixture_left_out_and_left_alone(
    duplexdata: Run, tmp_path: Path
) -> None:
    """How many rows the weights left out, and how many stay ordinary chat."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'format = "tdm"\n[[sources]]\npath = "sample"\nweight = 0.5\nordinary = 0.4\n', "utf-8"
    )
    out = tmp_path / "out"
    built = duplexdata("build", "--config", recipe, "--out", out)
    assert built.returncode == 0, built.stderr
    counts, text = manifest_of(out)["counts"], text_of(out)
    assert counts["rejected"]["not_drawn"]
    assert counts["ordinary"]
    assert f"a weight below 1: {counts['rejected']['not_drawn']}\n" in text
    assert f"have no statements: {counts['ordinary']}\n" in text


def test_the_code_loads_the_split_that_there_is(duplexdata: Run, tmp_path: Path) -> None:
    """Also where all few dialogues came into the validation split."""
    out = tmp_path / "out"
    flags = ("--format", "tdm", "--source", "sample", "--limit", "6", "--validation", "0.999")
    assert duplexdata("build", *flags, "--out", out).returncode == 0
    assert list(manifest_of(out)["counts"]["splits"]) == ["validation"]
    load = blocks(text_of(out), "python")[0].replace('"FOLDER_OR_REPOSITORY"', repr(str(out)))
    load = load.replace("load_dataset(", f"load_dataset(cache_dir={str(tmp_path)!r}, path=")
    names: dict[str, Any] = {}
    exec(load, names)  # noqa: S102  # the card's own code
    assert len(names["rows"]) == len(rows_of(out))


MEASURED = Measured(
    tokens={"uninterrupted": 1234.56, "regeneration": 2469.12},
    counted=100,
    rows=287,
    tasks=(
        CueTask(
            "Does it stop?",
            1200,
            500,
            80,
            (Cue("length", 0.95, 0.7), Cue("place", 0.8, None), Cue("all together", 0.96, 0.91)),
        ),
        CueTask("Is it cut?", 7, 7, 5, (), "7 yes and 0 no are too few"),
    ),
    shortcut=0.93,
    leaning=0.78,
)


def test_tokens_join_the_lengths_where_they_were_counted(runs: Callable[[str], Path]) -> None:
    """Mean tokens by type, their ratio, and the paper's; else how they are counted."""
    folder = runs("tdm")
    text = card(folder, manifest_of(folder), measured=MEASURED)
    head = "| type | mean slice pairs | ratio | the paper's mean | ratio |"
    more = f"{head} mean tokens | ratio | the paper's mean | ratio |"
    found = table(text, more)
    assert found["regeneration"][4:] == ["2,469.1", "2.00", "2,590.4", "1.11"]
    assert found["back_on_topic"][4:6] == ["", ""]
    assert "counted in 100 of 287 rows and estimated by bytes in the others." in text
    without = text_of(folder)
    assert more not in without
    assert "Mean tokens: not measured yet: `duplexdata stats OUT --probes`." in without


def test_the_cards_limits_tell_what_cues_tell(runs: Callable[[str], Path]) -> None:
    """A table a task, which cues are a shortcut by the bounds given, and why one has none."""
    folder = runs("tdm")
    text = card(folder, manifest_of(folder), measured=MEASURED)
    assert table(text, "| cue | AUC | AUC on new sentences |") == {
        "length": ["0.95", "0.70"],
        "place": ["0.80", ""],
        "all together": ["0.96", "0.91"],
    }
    told = text.split("### What shallow cues tell")[1].split("\n## ")[0]
    assert "1,200 examples, 500 of them yes, of 80 source dialogues." in told
    assert (
        "*length*, *all together*: a shortcut (0.93 or more); "
        "*place*: the data lean on it (0.78 or more).\n"
        "On sentences not seen before: *all together*: the data lean on it (0.78 or more).\n"
    ) in told
    assert "Not measured: 7 yes and 0 no are too few.\n" in told
    assert "not measured yet" not in text.lower()
    little = replace(MEASURED, shortcut=0.99, leaning=0.98)
    assert "\nNo cue reaches 0.98.\n" in card(folder, manifest_of(folder), measured=little)


@pytest.mark.parametrize(
    ("repository", "config", "where"),
    [(None, None, "OUT"), ("a/b", None, "a/b"), ("a/b", "duo", "a/b/duo")],
)
def test_a_card_says_how_to_measure_what_it_lacks(
    runs: Callable[[str], Path], repository: str | None, config: str | None, where: str
) -> None:
    """The command is one that whoever reads the card can run; tokens alone leave the probes."""
    folder, line = runs("duo"), f"Not measured yet: `duplexdata stats {where} --probes`"
    manifest = manifest_of(folder)
    for measured in (None, replace(MEASURED, tasks=None)):
        text = card(folder, manifest, repository=repository, config=config, measured=measured)
        assert line in text
        assert ("Mean tokens: not measured yet" in text) == (measured is None)


def test_a_card_knows_whether_it_was_changed(runs: Callable[[str], Path]) -> None:
    """As it was written it is ours; one changed character makes it the user's."""
    text = text_of(runs("tdm"))
    assert is_written_here(text)
    assert not is_written_here(text.replace("conversations", "Conversations", 1))
    assert not is_written_here(without_seal(text))
    assert not is_written_here("")


def test_the_card_is_the_same_with_one_worker_or_two(
    runs: Callable[[str], Path], duplexdata: Run, tmp_path: Path
) -> None:
    """Nothing in it depends on how the run was made."""
    folder = runs("tdm")
    again = tmp_path / "again"
    flags = ("--format", "tdm", "--source", "sample", "--validation", "0.2", "--seed", "2")
    assert duplexdata("build", *flags, "--workers", "2", "--out", again).returncode == 0
    assert text_of(again) == text_of(folder)
    assert card(folder, manifest_of(folder)) == text_of(folder)


def test_every_type_and_reason_has_its_words() -> None:
    """No type, and no reason why a dialogue is in no row of one, is without a sentence."""
    assert set(TYPE_TEXTS) == set(TYPES) == set(PAPER)
    page = (ROOT / "docs" / "types.md").read_text("utf-8").split("| reason |")[1]
    reasons = re.findall(r"^\| `(\w+)` \|", page.split("\n## ")[0], re.MULTILINE)
    assert set(LEFT_OUT_TEXTS) == set(reasons)


def test_a_recipe_survives_its_toml() -> None:
    """Whatever a knob holds, TOML gives it back."""
    import tomllib

    recipe = {
        "source": ['a "quoted"\\path', "zeile\nzwei", "\x7f\x00", "数据/😀.jsonl"],
        "limit": 3,
        "statements": 1e-07,
        "validation": 0.0,
        "flag": True,
        "rates": {"a_b": 1.0, "with.dot": 0.5, "键": 2},
        "transitions": {},
    }
    found = tomllib.loads(toml_of(recipe))
    assert found == {key: value for key, value in recipe.items() if value != {}}
    assert json.dumps(found["statements"]) == "1e-07"
