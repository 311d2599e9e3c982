"""A length budget: rows that keep it, and rows that are made to break it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.validate import validate

BUDGETS = {"end": 220, "front": 220, "either": 160}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Runs of the sample under a budget, by format and side."""
    made = {}
    for row_format in ("tdm", "duo"):
        for shorten, budget in BUDGETS.items():
            out = tmp_path_factory.mktemp("budget") / "run"
            recipe = out.with_name("recipe.toml")
            recipe.write_text(f'shorten = "{shorten}"\nmax_tokens = {budget}\n')
            subprocess.run(
                [
                    *(sys.executable, "-m", "duplexdata", "build", "--format", row_format),
                    *("--source", "sample", "--samples", "0", "--statements", "0"),
                    *("--config", str(recipe), "--workers", "1", "--out", str(out)),
                ],
                check=True,
                capture_output=True,
            )
            made[row_format, shorten] = out
    return made


@pytest.mark.parametrize("shorten", BUDGETS)
@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_budgeted_build_is_proved(
    built: dict[tuple[str, str], Path], row_format: str, shorten: str
) -> None:
    """Rows of the source but for whole rounds, none too long; what is left out is named."""
    out = built[row_format, shorten]
    report = validate(out, sources=["sample"])
    assert not report.breaches, report.lines()
    assert report.proved["budget"] == report.rows
    counts = json.loads((out / "manifest.json").read_text())["counts"]
    assert counts["left_out"]["too_long"]
    assert sum(counts["shortened"].values()) > 5


def broken(out: Path, tmp_path: Path, change: dict[str, Any]) -> set[str]:
    """The checks that a run breaks under a recipe that says something else."""
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["recipe"] |= change
    (copy / "manifest.json").write_text(json.dumps(manifest))
    return {one.check for one in validate(copy, sources=["sample"]).first} - {"manifest"}


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_row_that_is_too_long_is_seen(
    built: dict[tuple[str, str], Path], tmp_path: Path, row_format: str
) -> None:
    """A token less in the budget, and the longest rows break it."""
    assert broken(built[row_format, "end"], tmp_path, {"max_tokens": 150}) == {"budget"}


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_round_that_need_not_have_gone_is_seen(
    built: dict[tuple[str, str], Path], tmp_path: Path, row_format: str
) -> None:
    """Under a budget twice as large nearly every shortened row could have kept a round."""
    assert broken(built[row_format, "end"], tmp_path, {"max_tokens": 440}) == {"budget"}


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize(("built_with", "said"), [("end", "front"), ("front", "end")])
def test_rounds_that_are_missing_on_the_other_side_are_seen(
    built: dict[tuple[str, str], Path], tmp_path: Path, row_format: str, built_with: str, said: str
) -> None:
    """A recipe that shortens at one side lets nothing be missing at the other."""
    assert "source" in broken(built[row_format, built_with], tmp_path, {"shorten": said})


def test_without_a_budget_nothing_may_be_missing_or_too_long(
    built: dict[tuple[str, str], Path], tmp_path: Path
) -> None:
    """The same rows break the source rule, and the reason too_long cannot be."""
    copy = tmp_path / "copy"
    shutil.copytree(built["tdm", "end"], copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["recipe"]["max_tokens"]
    (copy / "manifest.json").write_text(json.dumps(manifest))
    report = validate(copy, sources=["sample"], show=50)
    assert "source" in {one.check for one in report.first}
    assert any("too_long that cannot be" in one.expected for one in report.first)


def test_half_a_round_missing_is_seen(built: dict[tuple[str, str], Path], tmp_path: Path) -> None:
    """What a budget takes is whole rounds: an answer alone is no round."""
    table = pq.read_table(built["duo", "end"] / "data")
    rows = [row for row in table.to_pylist() if row["type"] == "uninterrupted"]
    row = next(one for one in rows if len(one["messages"]) > 2)
    for name in ("messages", "states", "utterances"):
        row[name] = row[name][1:]
    copy = tmp_path / "copy"
    shutil.copytree(built["duo", "end"], copy)
    (shard,) = (copy / "data").glob("*.parquet")
    pq.write_table(table.from_pylist([row], schema=table.schema), shard)
    assert validate(copy, sources=["sample"]).breaches
