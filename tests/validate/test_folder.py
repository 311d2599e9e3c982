"""A run's folder as a whole: files, sums, splits, and source rows that are nowhere."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.errors import FolderError, TokenizerError
from duplexdata.pipeline.validate import validate

Built = Callable[[str, str], Path]

OF_ONE = "uninterrupted=1,generation_termination=1"
ANSWER = "It is a long answer, and it goes on and on, so that it can be cut at many places. " * 2


@pytest.fixture
def folder(clean_build: Built, tmp_path: Path) -> Path:
    """A copy of a clean run that may be broken."""
    return shutil.copytree(clean_build("tdm", "sample"), tmp_path / "run")


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the manifest in place."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_bytes())
    change(manifest)
    file.write_text(json.dumps(manifest), "utf-8")


def keep_rows(folder: Path, keep: Callable[[int], bool]) -> None:
    """Writes the train file anew with some of its rows, and its sum into the manifest."""
    file = folder / "data" / "train-00000.parquet"
    table = pq.read_table(file)
    pq.write_table(table.filter(pa.array([keep(one) for one in range(table.num_rows)])), file)

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"]["data/train-00000.parquet"] = {
            "rows": pq.read_metadata(file).num_rows,
            "bytes": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }

    change_manifest(folder, change)


def _set_count(group: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        manifest["counts"][group][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set_count("written", "uninterrupted", 89), "counts.written"),
        (_set_count("splits", "train", 1), "counts.splits"),
        (_set_count("languages", "zh", 1), "counts.languages"),
        (_set_count("generators", "source", 1), "counts.generators"),
        (_set_count("pairs", "uninterrupted", 1), "counts.pairs"),
        (_set_count("planned", "uninterrupted", 91), "planned uninterrupted"),
        (_set_count("drawn", "uninterrupted", 89), "drawn for uninterrupted"),
        (_set_count("rejected", "duplicate", 1), "source rows"),
        (lambda one: one["counts"].update(kept=89), "source rows"),
        (lambda one: one["recipe"].update(seed=7), "the sha256 of its recipe"),
        (lambda one: one["files"].pop("rejected.parquet"), "the files of the manifest"),
        (_set_count("in_rows", "uninterrupted", 89), "in rows of uninterrupted or left out"),
        (_set_count("drawn", "uninterrupted", "x"), "counts.drawn.uninterrupted: type integer"),
        (_set_count("replies", "fuse/offline", 7), "counts.replies, as counted"),
        (_set_count("shortened", "uninterrupted", 3), "counts.shortened, without max_tokens"),
        (_set_count("refused", "fuse", 3), "counts.refused, nobody being asked"),
        (_set_count("unbuilt", "regeneration", 3), "counts.unbuilt, nobody being asked"),
        (_set_count("read_as", "x", 3), "counts.read_as, of no rows"),
        (lambda one: one["counts"].update(defused=7), "counts.defused, as counted"),
        (lambda one: one["counts"].update(ordinary=7), "counts.ordinary, none being left so"),
        (lambda one: one["counts"].update(scripts=7), "counts.scripts, as the layouts"),
        (lambda one: one.update(format="duo"), "format, as its rows have: ['tdm']"),
        (lambda one: one.pop("statement_banks"), "the manifest: required"),
        (lambda one: one.update(more=1), "the manifest: additionalProperties"),
        (lambda one: one.pop("counts"), "the keys and values of a manifest"),
    ],
)
def test_a_manifest_whose_sums_do_not_add_up_is_told(
    folder: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    """Each sum of the contract is made again from the rows; the rows are still proved."""
    change_manifest(folder, change)
    report = validate(folder, show=9)
    assert any(told in one.expected for one in report.first), report.lines()
    assert set(report.broken) == {"manifest"}
    assert report.proved["manifest"] == 0
    assert report.proved["rule 3"] == report.rows == 180


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set_count("dropped", "trailing_user_turns", 7), "counts.dropped, as of the source"),
        (_set_count("dropped", "system_messages", 7), "counts.dropped, as of the source"),
        (lambda one: one["sources"][0].update(sha256="0" * 64), "sha256 of sample, as it is given"),
    ],
)
def test_what_the_source_tells_of_a_manifest_is_checked(
    folder: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    """With its source; without it, these are named as not proved."""
    change_manifest(folder, change)
    report = validate(folder, sources=["sample"])
    assert [one.expected.split(":")[0] for one in report.first] == [told], report.lines()
    without = validate(folder)
    assert without.breaches == 0
    why = "no --source was given: counts.dropped, the sha256 of sources"
    assert ("manifest", why) in without.unproved


def test_what_was_dropped_is_counted_of_rows_that_were_read(
    duplexdata: Callable[..., Any], tmp_path: Path
) -> None:
    """Of duplicates too, not of rows that are too long, or behind the limit, or of no answer."""
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]
    more = [*asked, {"role": "assistant", "content": ANSWER}, {"role": "user", "content": "And?"}]
    long = [*asked, {"role": "assistant", "content": ANSWER * 9}, {"role": "user", "content": "So"}]
    rows = [{"messages": one} for one in (more, more, long, asked, more[:3], more)]
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (tmp_path / "recipe.toml").write_text("max_characters = 500\n", "utf-8")
    done = duplexdata(
        *("build", "--format", "tdm", "--source", source, "--out", tmp_path / "run"),
        *("--config", tmp_path / "recipe.toml", "--workers", "1", "--limit", "5"),
        *("--rates", "uninterrupted=1"),
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_bytes())
    assert manifest["counts"]["dropped"] == {"system_messages": 3, "trailing_user_turns": 2}
    report = validate(tmp_path / "run", sources=[str(source)])
    assert report.breaches == 0, report.lines()
    moved = source.rename(tmp_path / "others.jsonl")
    elsewhere = validate(tmp_path / "run", sources=[str(moved)])
    why = "the sha256 of sources: those given are called otherwise"
    assert ("manifest", why) in elsewhere.unproved


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_counts_of_a_run_with_a_model_and_a_budget(
    duplexdata: Callable[..., Any], tmp_path: Path, row_format: str
) -> None:
    """What can be recounted is; a row that was not built has its dialogues left out."""
    (tmp_path / "recipe.toml").write_text('on_failure = "leave_out"\n', "utf-8")
    done = duplexdata(
        *("build", "--format", row_format, "--source", "sample", "--out", tmp_path / "run"),
        *("--config", tmp_path / "recipe.toml", "--workers", "1", "--llm", "fake"),
        *("--fake-faults", "0.6", "--max-tokens", "500", "--samples", "150"),
        *("--statements", "0.5", "--cache", tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "run" / "manifest.json").read_bytes())["counts"]
    assert counts["unbuilt"]
    assert counts["shortened"]
    assert validate(tmp_path / "run", sources=["sample"]).breaches == 0
    (reason,) = [why for check, why in validate(tmp_path / "run").unproved if "do not tell" in why]
    assert "counts.refused, counts.shortened" in reason
    change_manifest(tmp_path / "run", _set_count("unbuilt", "uninterrupted", 3))
    change_manifest(tmp_path / "run", _set_count("shortened", "uninterrupted", 300))
    told = [one.expected for one in validate(tmp_path / "run").first if one.check == "manifest"]
    assert any("counts.unbuilt, as left_out says of uninterrupted" in one for one in told), told
    assert any("counts.shortened, beyond the rows written" in one for one in told), told


def test_a_run_that_did_not_end_is_read_with_its_own_recipe(
    duplexdata: Callable[..., Any], tmp_path: Path
) -> None:
    """Where there is no manifest yet, the working folder names tokenizer, slices and the rest."""
    out = tmp_path / "run"
    done = duplexdata(
        *("build", "--format", "tdm", "--source", "sample", "--out", out, "--workers", "1"),
        *("--slice-tokens", "5", "--rates", OF_ONE),
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((out / "manifest.json").read_bytes())
    identity = {key: one for key, one in manifest.items() if key not in ("counts", "files")}
    (out / "manifest.json").unlink()
    (out / ".work").mkdir()
    (out / ".work" / "identity.json").write_text(json.dumps(identity), "utf-8")
    for path in (out, out / "data", out / "data" / "train-00000.parquet"):
        report = validate(path, sources=["sample"])
        assert report.breaches == 0, report.lines()
        assert "from .work/identity.json: the build did not end" in report.settings[0]
        assert ("manifest", "it is the folder of an unfinished build") in report.unproved
    identity["tokenizer"]["fingerprint"] = "0" * 64
    (out / ".work" / "identity.json").write_text(json.dumps(identity), "utf-8")
    with pytest.raises(TokenizerError, match="cl100k_base"):
        validate(out)
    (out / ".work" / "identity.json").write_text("{", "utf-8")
    with pytest.raises(FolderError, match=r"identity\.json"):
        validate(out)


def test_a_file_of_other_bytes_is_told(folder: Path) -> None:
    """A file must have the sha256 that the manifest names."""
    with (folder / "rejected.parquet").open("ab") as file:
        file.write(b"x")
    report = validate(folder)
    assert any(one.file == "rejected.parquet" for one in report.first), report.lines()


def test_a_missing_and_a_foreign_file_are_told(folder: Path) -> None:
    """The folder holds the files of its manifest, no more and no fewer."""
    (folder / "rejected.parquet").unlink()
    shutil.copy(folder / "data" / "train-00000.parquet", folder / "data" / "train-00001.parquet")
    report = validate(folder, show=9)
    told = {one.file for one in report.first if one.check == "manifest"}
    assert {"rejected.parquet", "data/train-00001.parquet"} <= told
    assert (
        report.broken["unique"]
        == pq.read_metadata(folder / "data" / "train-00000.parquet").num_rows
    )


def test_a_source_row_that_is_nowhere_is_told(folder: Path) -> None:
    """With its source, a folder that lost rows says which, for each type."""
    keep_rows(folder, lambda one: one not in (0, 1))
    report = validate(folder, sources=["sample"])
    assert report.broken["nothing lost"] == 2, report.lines()
    lost = [one for one in report.first if one.check == "nothing lost"]
    assert {one.expected.split("type ")[1].split(",")[0] for one in lost} == {
        "uninterrupted",
        "generation_termination",
    }
    assert len({one.row for one in lost}) == 1


def test_a_lost_group_and_one_left_out_too_are_told(clean_groups: Built, tmp_path: Path) -> None:
    """Each dialogue is in a row of a group type, or in left_out.parquet with it, not in both."""
    folder = shutil.copytree(clean_groups("tdm", "sample"), tmp_path / "run")
    train = folder / "data" / "train-00000.parquet"
    rows = pq.read_table(train, columns=["type", "source_ids"]).to_pylist()
    lost = next(at for at, row in enumerate(rows) if row["type"] == "dialogue_reset")
    keep_rows(folder, lambda one: one != lost)
    file = folder / "left_out.parquet"
    table = pq.read_table(file)
    gone = dict.fromkeys(table.schema.names) | {"source": "sample", "row": 1, "line": 1}
    gone |= {"type": "regeneration", "reason": "group_not_filled"}
    pq.write_table(pa.concat_tables([table, pa.Table.from_pylist([gone], table.schema)]), file)
    report = validate(folder, sources=["sample"], show=99)
    told = [one for one in report.first if one.check == "nothing lost"]
    assert [one.found for one in told].count("it is in neither") == 5
    assert [(one.row, one.found) for one in told if "both" in one.found] == [(1, "it is in both")]
    sums = [one.expected for one in report.first if one.check == "manifest"]
    assert any("dialogues in rows of dialogue_reset" in one for one in sums), report.lines()
    assert any("types left out as group_not_filled" in one for one in sums), report.lines()


def test_a_dialogue_in_both_splits_is_told(folder: Path) -> None:
    """Rule 9: a source dialogue that is in two splits is named."""
    file = folder / "data" / "validation-00000.parquet"
    table = pq.read_table(folder / "data" / "train-00000.parquet")
    pq.write_table(table.slice(4, 1), file)
    report = validate(folder)
    assert report.broken["rule 9"] >= 1
    assert report.proved["rule 9"] == 0


@pytest.mark.parametrize(
    ("duplicates", "rows"), [("reject", 8), ("keep", 10)], ids=["reject", "keep"]
)
def test_rejects_are_left_out_and_repeated_ids_found(
    duplexdata: Callable[..., Any], tmp_path: Path, duplicates: str, rows: int
) -> None:
    """Rejected rows count as named, ids that repeat are resolved as the contract says."""
    records = [
        {"id": "a", "data": ["What is it?", ANSWER]},
        {"id": "b", "data": ["What is it?", ANSWER]},
        {"id": "b", "data": ["What is this?", ANSWER]},
        {"id": "c", "data": ["What?"]},
        {"id": "c", "data": ["What is that?", ANSWER]},
        {"data": ["What is there?", ANSWER]},
    ]
    source = tmp_path / "odd.jsonl"
    source.write_text("not json\n" + "\n".join(map(json.dumps, records)), "utf-8")
    out = tmp_path / "run"
    done = duplexdata(
        *("build", "--format", "tdm", "--source", source, "--out", out),
        *("--duplicates", duplicates, "--workers", "1", "--rates", OF_ONE),
    )
    assert done.returncode == 0, done.stderr
    report = validate(out, sources=[str(source)])
    assert report.breaches == 0, report.lines()
    assert report.rows == report.proved["source"] == rows
    assert report.proved["nothing lost"] == 7


def test_a_row_of_a_rejected_source_row_is_told(folder: Path) -> None:
    """A source row that rejected.parquet names as left out whole is in no row."""
    file = folder / "rejected.parquet"
    schema = pq.read_schema(file)
    row = dict.fromkeys(schema.names)
    row |= {"source": "sample", "row": 1, "line": 1, "reason": "duplicate", "detail": ""}
    pq.write_table(pa.Table.from_pylist([row], schema), file)
    report = validate(folder, sources=["sample"])
    assert report.broken["source"] == 2, report.lines()


def test_the_limit_of_a_run_is_known(duplexdata: Callable[..., Any], tmp_path: Path) -> None:
    """Source rows after --limit are not lost; rows that were not sampled leave it unproved."""
    for flag, proved in (("--limit", 7), ("--samples", 0)):
        out = tmp_path / flag
        done = duplexdata(
            *("build", "--format", "duo", "--source", "sample", "--out", out),
            *(flag, "7", "--workers", "1", "--rates", OF_ONE, "--statements", "0"),
        )
        assert done.returncode == 0, done.stderr
        report = validate(out, sources=["sample"])
        assert report.breaches == 0, report.lines()
        assert report.proved["nothing lost"] == proved


def test_another_tokenizer_than_the_run_had_is_refused(folder: Path) -> None:
    """A tokenizer of the same name and another vocabulary would prove nothing."""
    change_manifest(folder, lambda one: one["tokenizer"].update(fingerprint="0"))
    with pytest.raises(TokenizerError, match="cl100k_base"):
        validate(folder)


def test_a_manifest_that_is_none_is_told(folder: Path) -> None:
    """A manifest that cannot be read is an error of the folder."""
    for text in ("{", "[]", '{"recipe": 1}'):
        (folder / "manifest.json").write_text(text, "utf-8")
        with pytest.raises(FolderError, match=r"manifest\.json"):
            validate(folder)


@pytest.mark.parametrize("duplicates", ["reject", "keep"])
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_files_of_one_name_and_odd_ids_are_joined(
    duplexdata: Callable[..., Any], tmp_path: Path, row_format: str, duplicates: str
) -> None:
    """Two folders with files of one name, one of them read twice; ids that are none."""
    for name in ("x", "y"):
        records = [
            {"id": own, "data": [f"What is {name} of {number}?", ANSWER]}
            for number, own in enumerate(["a", "#7", "#1", "\ud800", "a", None, 7, "x:#2"])
        ]
        (tmp_path / name).mkdir()
        lines = "\n".join([*map(json.dumps, records), "[" * 3000 + "]" * 3000])
        (tmp_path / name / "rows.jsonl").write_text(lines, "utf-8")
    sources = [str(tmp_path / "x"), str(tmp_path / "y"), str(tmp_path / "x" / "rows.jsonl")]
    out = tmp_path / "run"
    done = duplexdata(
        *("build", "--format", row_format, "--out", out, "--statements", "0"),
        *(part for one in sources for part in ("--source", one)),
        *("--duplicates", duplicates, "--workers", "1", "--validation", "0.4"),
        *("--rates", f"{OF_ONE},dialogue_reset=1"),
    )
    assert done.returncode == 0, done.stderr
    report = validate(out, sources=sources)
    assert report.breaches == 0, report.lines()
    assert report.proved["source"] == report.rows
    assert report.proved["nothing lost"] == 27
    named = pq.read_table(out / "data", columns=["source_ids"])["source_ids"].to_pylist()
    assert "rows~2:a" in {one for ids in named for one in ids}


def test_nothing_lost_needs_a_type_that_takes_all(
    duplexdata: Callable[..., Any], tmp_path: Path
) -> None:
    """Where only a share of the dialogues was drawn, it is not proved, and said why."""
    done = duplexdata(
        *("build", "--format", "tdm", "--source", "sample", "--out", tmp_path / "run"),
        *("--rates", "uninterrupted=0.5", "--workers", "1", "--statements", "0"),
    )
    assert done.returncode == 0, done.stderr
    report = validate(tmp_path / "run", sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["nothing lost"] == 0
    whys = [why for check, why in report.unproved if check == "nothing lost"]
    assert whys == [
        "uninterrupted: its rate is 0.5, so not all are drawn",
        "there is no type that every dialogue takes part in",
    ]


@pytest.mark.parametrize("language", ["auto", "en", "zh"])
def test_the_language_is_that_of_the_recipe(
    duplexdata: Callable[..., Any], tmp_path: Path, language: str
) -> None:
    """Forced, every row has it; else it is that of the source's script."""
    out = tmp_path / "run"
    done = duplexdata(
        *("build", "--format", "duo", "--source", "sample", "--out", out, "--statements", "0"),
        *("--language", language, "--rates", "uninterrupted=1", "--workers", "1"),
    )
    assert done.returncode == 0, done.stderr
    report = validate(out, sources=["sample"])
    assert report.breaches == 0, report.lines()
    assert report.proved["script"] == report.rows
    file = out / "data" / "train-00000.parquet"
    table = pq.read_table(file)
    rows = table.to_pylist()
    rows[0]["language"] = "en" if rows[0]["language"] == "zh" else "zh"
    pq.write_table(pa.Table.from_pylist(rows, table.schema), file)
    told = validate(out, sources=["sample"])
    assert told.broken["script"] == 1, told.lines()
    assert validate(out).broken["script"] == (language != "auto")


@pytest.mark.parametrize("value", [0, "ten", None])
def test_a_recipe_that_rows_cannot_be_read_with_is_told(folder: Path, value: Any) -> None:
    """What the slices are cut with must be a number of tokens."""
    change_manifest(folder, lambda one: one["recipe"].update(slice_tokens=value))
    with pytest.raises(FolderError, match="slice_tokens"):
        validate(folder)
