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


def _set_count(group: str, name: str, value: int) -> Callable[[dict[str, Any]], None]:
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
        (_set_count("rejected", "duplicate", 1), "source rows"),
        (lambda one: one["counts"].update(kept=89), "source rows"),
        (lambda one: one["recipe"].update(seed=7), "the sha256 of its recipe"),
        (lambda one: one["files"].pop("rejected.parquet"), "the files of the manifest"),
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
        *("--duplicates", duplicates, "--workers", "1"),
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
            *(flag, "7", "--workers", "1"),
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
