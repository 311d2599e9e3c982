"""What stands between a user's slices is in none of them; files of a build say it, by row."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import typer.testing

from duplexdata.cli import app
from duplexdata.pipeline.validate import Report, validate

ANSWER = "It is a long answer, and it goes on and on, so that it can be cut at many places. " * 2
MESSAGES = (
    "Read this:\n\n  one two  three\tfour five six seven\neight nine ten\n\n- eleven twelve",
    "plain words with one space between each of them and the next one",
    "请把下面这句话  翻译成英文:\n今天天气很好, 我们一起去公园散步, 然后吃午饭 吧",
)
KEY = b"duplexdata.spaces"


def run(*arguments: str | Path) -> None:
    """Runs a command that succeeds."""
    done = typer.testing.CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source of odd white space and a run of it, cut-ins and remarks too."""
    here = tmp_path_factory.mktemp("spaces")
    rows = [
        {"id": f"{number}-{again}", "data": [f"{one} {again}", ANSWER, f"{again}: {one}", ANSWER]}
        for number, one in enumerate(MESSAGES)
        for again in range(6)
    ]
    (here / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    run(
        *("build", "--format", "tdm", "--source", here / "rows.jsonl", "--out", here / "run"),
        *("--workers", "1", "--statements", "0.5", "--rates"),
        "uninterrupted=1,generation_termination=1,regeneration=1,topic_interweaving=1",
    )
    return here


def change(here: Path, to: Path, said: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    """A copy of the run whose shard says something else, its sha256 being right."""
    folder = shutil.copytree(here / "run", to / "run")
    file = folder / "data" / "train-00000.parquet"
    table = pq.read_table(file)
    told = said(orjson.loads(pq.read_metadata(file).metadata[KEY]))
    metadata = {} if told is None else {KEY: orjson.dumps(told)}
    pq.write_table(table.replace_schema_metadata(metadata), file)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    facts = {"bytes": file.stat().st_size, "sha256": digest}
    manifest["files"]["data/train-00000.parquet"].update(facts)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def checked(here: Path, folder: Path) -> Report:
    """What is found with the source."""
    return validate(folder, sources=[str(here / "rows.jsonl")])


def test_messages_of_a_build_are_the_sources_with_their_white_space(built: Path) -> None:
    """Of every type, in both languages; of a build nothing is said that is not so."""
    report = checked(built, built / "run")
    assert report.breaches == 0, report.lines()
    assert report.proved["spaces"] == report.rows
    without = validate(built / "run")
    assert not without.proved["spaces"]
    assert ("spaces", "no --source was given") in without.unproved


def test_a_shard_that_does_not_say_them_is_told(built: Path, tmp_path: Path) -> None:
    """The messages could not be had again from it."""
    report = checked(built, change(built, tmp_path, lambda _: None))
    assert set(report.broken) == {"spaces"}, report.lines()
    types = {(one.id or "").partition("-")[0] for one in report.first}
    assert types
    assert report.broken["spaces"] >= 24


def test_one_that_is_another_is_told(built: Path, tmp_path: Path) -> None:
    """A row, of whose message one border is another."""

    def one_line(said: dict[str, Any]) -> dict[str, Any]:
        row = next(row for name, row in said.items() if name.startswith("unint") and "0" in row)
        row["0"][0][1] = "\n\n\n\n"
        return said

    report = checked(built, change(built, tmp_path, one_line))
    assert report.broken == {"spaces": 1}, report.lines()
    assert "between its slices, as in the source" in report.first[0].expected


def test_rows_that_cannot_say_them_leave_it_open(built: Path, tmp_path: Path) -> None:
    """JSONL, and a file without a run around it, are not blamed."""
    table = pq.read_table(built / "run" / "data" / "train-00000.parquet")
    lines = b"\n".join(map(orjson.dumps, table.to_pylist()))
    (tmp_path / "rows.jsonl").write_bytes(lines)
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.parquet"):
        report = checked(built, tmp_path / name)
        assert report.breaches == 0, report.lines()
        assert report.proved["source"] == report.rows
        why = "the file does not say what stands between slices"
        assert report.unproved["spaces", why] == report.rows


def test_slices_of_a_stage_hold_them(built: Path, tmp_path: Path) -> None:
    """They are in the texts that its rows hold beside the slices."""
    source = ("--source", built / "rows.jsonl", "--format", "tdm")
    stages = ("load", "interrupt", "distract", "slice")
    for number, name in enumerate(stages):
        here: tuple[Any, ...] = (tmp_path / stages[number - 1],) if number else source
        run(name, *here, "--out", tmp_path / name)
    report = checked(built, tmp_path / "slice")
    assert report.breaches == 0, report.lines()
    assert report.proved["spaces"] == report.rows
