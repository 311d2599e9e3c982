"""Rows made out of released slices: what is still proved of them, and what is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.validate import Report, validate

from ..conftest import Rows, rows_of

PAIRS = [
    ("How do I keep", "<idle>"),
    ("a pot of basil?", "Give it the brightest window you have,"),
    ("<idle>", " and water it only when the top"),
    ("Sorry, is tap", "<idle>"),
    ("water all right?", "Yes, if it has stood."),
    ("<idle>", "<idle>"),
]


@pytest.fixture(scope="module", params=["tdm", "duo"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over one released row, with a statement after its last answer."""
    folder = tmp_path_factory.mktemp("released")
    output = [
        {"role": role, "content": text}
        for pair in PAIRS
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    source = folder / "rows.jsonl"
    source.write_text(json.dumps({"output": output}) + "\n", "utf-8")
    flags = {"source": [str(source)], "format": request.param, "statements": 1}
    out = folder / "run"
    run_build(flags, config=None, out=out, workers=1, engine="local", overwrite=False)
    return out


def checked(rows: Rows, built: Path, tmp_path: Path) -> Report:
    """What validate says of these rows, beside which there is no manifest."""
    schema = pq.read_schema(next((built / "data").iterdir()))
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    return validate(file)


def test_what_slices_do_not_tell_is_named(built: Path, tmp_path: Path) -> None:
    """With a manifest and without one."""
    for report in (validate(built), checked(rows_of(built), built, tmp_path)):
        assert report.breaches == 0, report.lines()
        named = " ".join(why for check, why in report.unproved if check in ("rule 4", "type"))
        assert "where its cuts lie" in named
        assert "who wrote which text" in named
        assert report.proved["rule 1"] == report.proved["rule 5"] == 1


Breaking = Callable[[list[dict[str, Any]]], object]


@pytest.mark.parametrize(
    ("breaking", "check"),
    [
        pytest.param(lambda said: said[0].update(over=True), "type", id="a message cuts in"),
        pytest.param(lambda said: said[2].update(over=False), "type", id="a cut-in does not"),
        pytest.param(lambda said: said[2].update(kind="aside"), "type", id="of another type"),
        pytest.param(lambda said: said[2].update(state="stop"), "shape", id="another state"),
        pytest.param(lambda said: said[1].update(unheard=" x"), "rule 4", id="a rest made up"),
    ],
)
def test_a_broken_row_is_a_breach(
    breaking: Breaking, check: str, built: Path, tmp_path: Path
) -> None:
    """What can be proved is."""
    rows = rows_of(built)
    breaking(rows[0]["utterances"])
    assert checked(rows, built, tmp_path).broken[check] == 1


def test_the_number_of_statements_is_the_recipes(built: Path, tmp_path: Path) -> None:
    """Statements that were added to released rows are counted; none is before a cut-in."""
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    manifest["recipe"]["statements"] = 2
    folder = tmp_path / "run"
    (folder / "data").mkdir(parents=True)
    for one in (built / "data").iterdir():
        (folder / "data" / one.name).write_bytes(one.read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert validate(folder).broken["rule 3"] == 1
