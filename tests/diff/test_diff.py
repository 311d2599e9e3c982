"""What `diff` says of two runs."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.diff.compare import compare
from duplexdata.pipeline.errors import FolderError

from ..conftest import rows_of
from ..loopback.hub import serve_hub

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Runs over the sample by their flags, each built once; they must not be changed."""
    made: dict[tuple[str, ...], Path] = {}

    def build(*flags: str) -> Path:
        if flags not in made:
            out = tmp_path_factory.mktemp("diff") / "run"
            rates = ("--rates", "uninterrupted=1,generation_termination=1")
            command = [sys.executable, "-m", "duplexdata", "build", "--source", "sample", *rates]
            subprocess.run([*command, *flags, "--out", str(out)], check=True, capture_output=True)
            made[flags] = out
        return made[flags]

    return build


def test_the_same_run_differs_in_nothing(runs: Callable[..., Path], duplexdata: Run) -> None:
    """One line a run, and that nothing differs."""
    folder = runs("--format", "tdm")
    done = duplexdata("diff", folder, folder)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "no difference"


def test_rows_are_compared_by_id(runs: Callable[..., Path]) -> None:
    """Added, gone, changed and equal rows are those that a comparison of all rows finds."""
    first, second = runs("--format", "tdm"), runs("--format", "tdm", "--limit", "60", "--seed", "1")
    found = compare(first, second)
    before, after = ({row["id"]: row for row in rows_of(one)} for one in (first, second))
    both = set(before) & set(after)
    assert set(found.gone) == set(before) - both != set()
    assert set(found.added) == set(after) - both == set()
    assert set(found.changed) == {one for one in both if before[one] != after[one]} != set()
    assert found.equal == len(both) - len(found.changed)
    assert {one.name: (one.before, one.after) for one in found.recipe} == {
        "limit": (None, 60),
        "seed": (0, 1),
    }
    counts = {one.name: (one.before, one.after) for one in found.counts}
    assert counts["written.uninterrupted"] == (90, 60)


def test_a_row_in_another_split_has_changed(runs: Callable[..., Path]) -> None:
    """Though its columns are the same."""
    first, second = runs("--format", "tdm"), runs("--format", "tdm", "--validation", "0.3")
    found = compare(first, second)
    moved = pq.read_table(second / "data" / "validation-00000.parquet").num_rows
    assert moved > 0
    assert len(found.changed) == moved
    assert not found.gone
    assert not found.added


def test_distributions_are_those_of_the_rows(runs: Callable[..., Path]) -> None:
    """Mean length, cuts and statements by type, counted again from the rows."""
    first = runs("--format", "tdm")
    second = runs("--format", "tdm", "--statements", "0.8")
    shapes = {one.name: (one.before, one.after) for one in compare(first, second).shapes}
    for place, folder in enumerate((first, second)):
        rows = [row for row in rows_of(folder) if row["type"] == "uninterrupted"]
        mean = sum(len(row["output"]) // 2 for row in rows) / len(rows)
        assert shapes["uninterrupted: mean length"][place] == pytest.approx(mean)
        spoken = [one for row in rows for one in row["utterances"]]
        share = sum(one["kind"] == "statement" for one in spoken) / len(spoken)
        assert shapes["uninterrupted: kind statement"][place] == pytest.approx(share)
        over = sum(one["over"] for one in spoken) / len(spoken)
        assert shapes["uninterrupted: over the other side"][place] == pytest.approx(over)


def test_two_formats(runs: Callable[..., Path], duplexdata: Run) -> None:
    """Ids are compared, rows and lengths are not."""
    first = runs("--format", "tdm")
    second = runs("--format", "duo", "--statements", "0")
    said = duplexdata("diff", first, second).stdout
    assert "  format: tdm -> duo" in said
    assert "rows: 180 ids in both, whose formats differ, 0 gone, 0 added" in said
    assert "changed" not in said
    assert "distributions" not in said


def test_prompts_are_compared(runs: Callable[..., Path], duplexdata: Run, tmp_path: Path) -> None:
    """Another file of transitions is named by its hash."""
    first = runs("--format", "tdm")
    bank = tmp_path / "bank.toml"
    recipe = tmp_path / "recipe.toml"
    from ..conftest import ROOT

    text = (ROOT / "prompts" / "en" / "transitions.toml").read_text("utf-8")
    bank.write_text(f"# ours\n{text}", "utf-8")
    recipe.write_text(f"[transitions]\nen = {str(bank)!r}\n", "utf-8")
    second = runs("--format", "tdm", "--config", str(recipe))
    said = duplexdata("diff", first, second).stdout
    assert re.search(r"^  transitions\.en: [0-9a-f]{12}… -> [0-9a-f]{12}…$", said, re.MULTILINE)


def test_it_becomes_a_section_of_the_card(runs: Callable[..., Path], tmp_path: Path) -> None:
    """--card puts it into the second run's card, once, and keeps what a user wrote."""
    import shutil

    from duplexdata.pipeline.diff.command import run_diff
    from duplexdata.pipeline.export.card import is_written_here

    first = runs("--format", "tdm")
    second = tmp_path / "second"
    shutil.copytree(runs("--format", "tdm", "--statements", "0.8"), second)
    for _ in range(2):
        run_diff(str(first), str(second), to_card=True)
    card = (second / "README.md").read_text("utf-8")
    assert card.count("## Changes") == 1
    assert "| statements | 0 | 0.8 |" in card
    assert is_written_here(card)
    (second / "README.md").write_text(f"{card}\nMine.", "utf-8")
    with pytest.raises(FolderError, match="was changed by hand"):
        run_diff(str(first), str(second), to_card=True)
    assert (second / "README.md").read_text("utf-8").endswith("Mine.")


def test_runs_on_the_hub(runs: Callable[..., Path], tmp_path: Path) -> None:
    """A revision and a configuration of a repository are compared as folders are."""
    first, second = runs("--format", "tdm"), runs("--format", "tdm", "--statements", "0.8")
    with serve_hub(tmp_path / "hub") as hub:
        environment = hub.environment(tmp_path / "home")

        def run(*arguments: str | Path) -> str:
            command = [sys.executable, "-m", "duplexdata", *map(str, arguments)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=environment
            )
            assert done.returncode == 0, done.stderr
            assert "%|" not in done.stderr  # no bars where there is no terminal
            return done.stdout

        run("push", first, "someone/talk", "--revision", "old")
        run("push", second, "someone/talk", "--config-name", "more")
        here = run("diff", first, second).splitlines()[2:]
        there = run("diff", "someone/talk@old", "hf://datasets/someone/talk/more").splitlines()[2:]
        assert here == there != ["no difference"]
        command = [sys.executable, "-m", "duplexdata", "diff", str(first), "someone/talk@older"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 1
        assert "404" in done.stderr


@pytest.mark.parametrize("name", ["nothing here", "/no/where/at/all"])
def test_what_is_no_run_is_refused(runs: Callable[..., Path], duplexdata: Run, name: str) -> None:
    """Exit 2, with the name and what to give."""
    done = duplexdata("diff", runs("--format", "tdm"), name)
    assert done.returncode == 2
    assert name in done.stderr
    assert "owner/name" in done.stderr
