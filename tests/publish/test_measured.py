"""What the card tells of a run's rows: measured by `stats` or by `push`, for these very files."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ..conftest import manifest_of
from ..export.test_card import table
from .conftest import MakeRun, Publisher
from .test_checks import rewrite_manifest

Run = Callable[..., subprocess.CompletedProcess[str]]
DRY = ("someone/talk", "--dry-run")

WITHOUT = (
    "import sys; sys.modules['sklearn'] = None; "
    "from duplexdata.__main__ import main; sys.argv[0] = 'duplexdata'; main()"
)


@pytest.fixture
def fresh_run(make_run: MakeRun) -> MakeRun:
    """A run that was validated, and not measured."""

    def make(name: str) -> Path:
        folder = make_run(name)
        (folder / "stats.json").unlink()
        return folder

    return make


def record_of(folder: Path) -> dict[str, Any]:
    """What was measured of a run."""
    record: dict[str, Any] = json.loads((folder / "stats.json").read_text("utf-8"))
    return record


def card_of(folder: Path) -> str:
    """The card of a run."""
    return (folder / "README.md").read_text("utf-8")


def without_scikit_learn(*arguments: str | Path) -> str:
    """Runs a command where scikit-learn is not installed; gives its standard error."""
    command = [sys.executable, "-c", WITHOUT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_push_measures_once_and_the_card_tells_it(duplexdata: Run, fresh_run: MakeRun) -> None:
    """Lengths and probes go from the rows into stats.json and the card; then nothing is measured.

    The figures are those that `stats` prints.
    """
    folder = fresh_run("duo")
    first = duplexdata("push", folder, *DRY)
    assert first.returncode == 0, first.stderr
    assert "measuring lengths and probes: no stats.json is about these very files" in first.stderr
    assert re.search(r"^measured in \d+:\d\d$", first.stderr, re.MULTILINE)
    record = record_of(folder)
    shards = [one for one in manifest_of(folder)["files"] if one.startswith("data/")]
    assert record["files"] == {
        one: sha256((folder / one).read_bytes()).hexdigest() for one in shards
    }
    printed = json.loads(duplexdata("stats", folder, "--probes", "--json").stdout)
    assert record["probes"] == printed["probes"]
    assert record["types"] == {
        name: {"rows": one["rows"], "tokens": one["tokens"]}
        for name, one in printed["types"].items()
    }
    task, card = printed["probes"]["cut_in_or_statement"], card_of(folder)
    assert table(card, "| cue | AUC | AUC on new sentences |") == {
        cue: [f"{auc:.2f}", f"{task['auc_new_sentences'][cue]:.2f}"]
        for cue, auc in task["auc"].items()
    }
    assert f"{task['examples']:,} examples, {task['yes']:,} of them yes" in card
    for name, one in printed["types"].items():
        assert re.search(rf"^\| `{name}` .*\| {one['tokens']['mean']:,.1f} \|", card, re.MULTILINE)
    again = duplexdata("push", folder, *DRY)
    assert "measuring" not in again.stderr
    assert "measured: lengths and probes (stats.json)" in again.stderr
    assert card_of(folder) == card
    assert record_of(folder) == record


def test_stats_leaves_what_push_then_takes(duplexdata: Run, fresh_run: MakeRun) -> None:
    """Of a run's folder, with the probes, by its own tokenizer; else nothing is left."""
    folder = fresh_run("duo")
    shard = folder / "data" / "train-00000.parquet"
    for arguments in (
        (folder,),
        (folder, "--probes", "--tokenizer", "o200k_base"),
        (shard, "--probes"),
        (folder / "data", "--probes"),
    ):
        done = duplexdata("stats", *arguments)
        # Another encoding may not be on this machine.
        assert done.returncode == 0 or "o200k_base" in arguments, done.stderr
        assert not list(folder.rglob("stats.json"))
    assert duplexdata("stats", folder, "--probes").returncode == 0
    said = duplexdata("push", folder, *DRY).stderr
    assert "measuring" not in said
    assert "measured: lengths and probes (stats.json)" in said


@pytest.mark.parametrize("there", ["of other files", "of another tokenizer", "of no shape", "text"])
def test_a_record_that_does_not_fit_counts_for_nothing(
    duplexdata: Run, make_run: MakeRun, there: str
) -> None:
    """Figures of other rows reach no card: push measures anew."""
    folder = make_run("duo")
    record = record_of(folder)
    changes: dict[str, dict[str, Any]] = {
        "of other files": {"files": dict.fromkeys(record["files"], "0" * 64)},
        "of another tokenizer": {"tokenizer": "other"},
        "of no shape": {"types": {"uninterrupted": {}}},
        "text": {},
    }
    text = "stats" if there == "text" else json.dumps(record | changes[there])
    (folder / "stats.json").write_text(text, "utf-8")
    said = duplexdata("push", folder, *DRY).stderr
    assert "measuring lengths and probes: no stats.json is about these very files" in said
    assert record_of(folder) == record


def test_too_few_examples_are_told(duplexdata: Run, fresh_run: MakeRun) -> None:
    """Without remarks nothing is let pass: the card says why there is no figure."""
    folder = fresh_run("tdm")
    assert duplexdata("push", folder, *DRY).returncode == 0
    task = record_of(folder)["probes"]["cut_in_or_statement"]
    assert "are too few" in task["not_measured"]
    assert f"\nNot measured: {task['not_measured']}.\n" in card_of(folder)
    assert "| cue | AUC |\n" in card_of(folder)


def test_without_scikit_learn_lengths_are_measured(duplexdata: Run, fresh_run: MakeRun) -> None:
    """The card names the command for the probes; where it is there again, only they are missing."""
    folder = fresh_run("duo")
    said = without_scikit_learn("push", folder, *DRY)
    assert "measuring lengths: " in said
    assert "pip install 'duplexdata[probes]'" in said
    assert "probes" not in record_of(folder)
    card = card_of(folder)
    assert "Not measured yet: `duplexdata stats someone/talk --probes`" in card
    assert "| mean tokens |" in card
    assert "measuring" not in without_scikit_learn("push", folder, *DRY)
    lengths = record_of(folder)["types"]
    said = duplexdata("push", folder, *DRY).stderr
    assert "measuring the probes: stats.json does not hold them" in said
    assert record_of(folder)["types"] == lengths
    assert "Not measured yet" not in card_of(folder)
    # What was measured elsewhere is told where it could not be.
    assert "(stats.json)" in without_scikit_learn("push", folder, *DRY)
    assert "Not measured yet" not in card_of(folder)


def test_what_cannot_be_measured_is_no_reason_to_refuse(
    duplexdata: Run, fresh_run: MakeRun, tmp_path: Path
) -> None:
    """A tokenizer that is not here is told; the card says that nothing was measured."""
    folder, gone = fresh_run("duo"), str(tmp_path / "gone.json")
    rewrite_manifest(folder, lambda one: one["recipe"].update(tokenizer=gone))
    validation = json.loads((folder / "validation.json").read_text("utf-8"))
    data = (folder / "manifest.json").read_bytes()
    validation["files"]["manifest.json"] = sha256(data).hexdigest()
    (folder / "validation.json").write_text(json.dumps(validation), "utf-8")
    done = duplexdata("push", folder, *DRY)
    assert done.returncode == 0, done.stderr
    assert "not measured: " in done.stderr
    assert not (folder / "stats.json").exists()
    assert "Mean tokens: not measured yet" in card_of(folder)
    assert gone not in card_of(folder).split("## Build it again")[0]


def test_stats_are_sent_with_the_run_they_are_of(publisher: Publisher, fresh_run: MakeRun) -> None:
    """The file goes along; where a run without one replaces it, it does not stay behind."""
    folder = fresh_run("duo")
    assert "  stats.json: " in publisher.push(folder, "someone/talk", "--config-name", "duo")
    there = publisher.file("someone/talk", "duo/stats.json")
    assert there == (folder / "stats.json").read_text("utf-8")
    assert "### What shallow cues tell" in publisher.file("someone/talk", "README.md")
    other = fresh_run("tdm_blocks")
    (other / "stats.json").write_text(there, "utf-8")  # of the rows of another run
    (other / "README.md").write_text("# Ours\n", "utf-8")  # so that nothing is measured
    said = publisher.push(other, "someone/talk", "--config-name", "duo")
    assert "measuring" not in said
    assert "duo/stats.json" not in publisher.files("someone/talk")


def test_what_lies_on_the_hub_leaves_nothing(publisher: Publisher, make_run: MakeRun) -> None:
    """Stats of a run there go by the name that was given, and write nothing into the cache."""
    publisher.push(make_run("duo"), "someone/talk")
    told = publisher.run("stats", "someone/talk", "--probes", token=None)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("someone/talk: ")
    assert not list(publisher.home.rglob("stats.json"))
