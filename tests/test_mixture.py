"""Mixtures: several sources, each with a weight and options of its own."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer.testing

from duplexdata.cli import app

from .conftest import LONG, Rows, manifest_of, rows_of

FIRST, SECOND = 120, 80
RECIPE = """\
format = "{format}"
samples = 0
statements = 1.5
validation = 0.3
block_rows = 64
[rates]
uninterrupted = 0.3
regeneration = 1
topic_interweaving = 1
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two sources, which share 20 dialogues."""
    folder = tmp_path_factory.mktemp("mixture")
    texts = [[f"Question {number}?", LONG, "And?", LONG] for number in range(FIRST + SECOND - 20)]
    roles = ("user", "assistant", "user", "assistant")
    first = [{"id": str(number), "data": one} for number, one in enumerate(texts[:FIRST])]
    second = [
        {"messages": [{"role": r, "content": c} for r, c in zip(roles, one, strict=True)]}
        for one in texts[FIRST - 20 :]
    ]
    for name, rows in (("first", first), ("second", second)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


class Mixture:
    """Builds mixtures of the two sources."""

    def __init__(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Builds go to a folder of their own."""
        self.here, self.builds = here, 0
        monkeypatch.chdir(here)

    def __call__(
        self,
        first: Mapping[str, Any],
        second: Mapping[str, Any],
        row_format: str = "tdm",
        recipe: str = RECIPE,
    ) -> tuple[dict[str, Any], Rows, Path]:
        """The manifest, the rows and the folder of a build; it must be valid."""
        text = recipe.format(format=row_format)
        for name, options in (("first", first), ("second", second)):
            values = {"path": f"{name}.jsonl", **options}
            text += "[[sources]]\n" + "".join(
                f"{key} = {json.dumps(value)}\n" for key, value in values.items()
            )
        (self.here / "recipe.toml").write_text(text, encoding="utf-8")
        out = Path("out")
        runner = typer.testing.CliRunner()
        arguments = ["--config", "recipe.toml", "--out", "out", "--overwrite", "--workers", "1"]
        built = runner.invoke(app, ["build", *arguments])
        assert built.exit_code == 0, built.stderr
        sources = ["--source", "first.jsonl", "--source", "second.jsonl"]
        checked = runner.invoke(app, ["validate", "out", *sources])
        assert checked.exit_code == 0, checked.stdout
        return manifest_of(out), rows_of(out), out


@pytest.fixture
def mixture(here: Path, monkeypatch: pytest.MonkeyPatch) -> Mixture:
    """Builds a mixture of the two sources."""
    return Mixture(here, monkeypatch)


def ids_of(rows: Rows) -> set[str]:
    """The dialogues that rows are made of."""
    return {one for row in rows for one in row["source_ids"]}


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_weights_draw_dialogues(row_format: str, mixture: Mixture) -> None:
    """About as many as the weight says, named where not drawn, and the sums add up."""
    manifest, _rows, out = mixture({"weight": 0.5}, {}, row_format)
    counts = manifest["counts"]
    first, second = manifest["sources"]
    assert 40 <= first["kept"] <= 80
    assert first["rows"] - first["kept"] == counts["rejected"]["not_drawn"]
    assert second["kept"] + counts["rejected"]["duplicate"] == SECOND
    assert first["kept"] + second["kept"] == counts["kept"]
    assert counts["kept"] + sum(counts["rejected"].values()) == counts["source_rows"] == 200
    named = pq.read_table(out / "rejected.parquet").to_pylist()
    assert Counter(one["reason"] for one in named) == counts["rejected"]
    # What was not drawn hides no copy: each of the shared 20 is kept once.
    assert second["kept"] > SECOND - 20


def test_a_higher_weight_only_adds(mixture: Mixture) -> None:
    """The dialogues of a lower weight are among those of a higher."""
    low = ids_of(mixture({"weight": 0.3}, {"weight": 0.3})[1])
    high = ids_of(mixture({"weight": 0.7}, {"weight": 0.3})[1])
    low_first = {one for one in low if one.startswith("first:")}
    high_first = {one for one in high if one.startswith("first:")}
    assert low_first < high_first


def test_ordinary_dialogues_are_whole_and_nothing_else(mixture: Mixture) -> None:
    """An ordinary dialogue is one row as it is, without statements, and in no other type."""
    manifest, rows, _out = mixture({"ordinary": 1}, {"ordinary": 0.4})
    counts = manifest["counts"]
    by_type: dict[str, set[str]] = {}
    for row in rows:
        by_type.setdefault(row["type"], set()).update(row["source_ids"])
    others = by_type["regeneration"] | by_type["topic_interweaving"]
    assert not {one for one in others if one.startswith("first:")}
    plain = [
        row
        for row in rows
        if row["type"] == "uninterrupted"
        and not any(one["kind"] == "statement" for one in row["utterances"])
    ]
    assert len(plain) == counts["ordinary"]
    assert not ids_of(plain) & others
    first, second = manifest["sources"]
    assert sum(row["source_ids"][0].startswith("first:") for row in plain) == first["kept"]
    assert 0.2 * second["kept"] < counts["ordinary"] - first["kept"] < 0.6 * second["kept"]
    assert counts["drawn"]["regeneration"] == counts["kept"] - counts["ordinary"]


def test_each_source_has_options_of_its_own(mixture: Mixture) -> None:
    """Layout, limit, language and one type a dialogue hold for the source that names them."""
    manifest, rows, _out = mixture(
        {"limit": 30}, {"layout": "openai", "language": "zh", "per_dialogue": "one", "limit": 50}
    )
    assert [one["rows"] for one in manifest["sources"]] == [30, 50]
    types: dict[str, set[str]] = {}
    for row in rows:
        for one in row["source_ids"]:
            types.setdefault(one, set()).add(row["type"])
        second = row["source_ids"][0].startswith("second:")
        assert row["language"] == ("zh" if second else "en")
    assert max(len(held) for one, held in types.items() if one.startswith("second:")) == 1
    assert max(len(held) for one, held in types.items() if one.startswith("first:")) == 3


def test_copies_of_a_dialogue_stay_in_one_split(mixture: Mixture) -> None:
    """Rule 9 holds between sources: what two of them hold goes to one split."""
    recipe = 'duplicates = "keep"\n' + RECIPE
    _manifest, _rows, out = mixture({}, {}, recipe=recipe)
    split: dict[str, set[str]] = {}
    for file in (out / "data").iterdir():
        for row in pq.read_table(file).to_pylist():
            if row["type"] == "regeneration":
                question = next(one["content"] for one in row["output"])
                words = "".join(part["content"] for part in row["output"][:4:2])
                assert question in words
                split.setdefault(words.split("?")[0], set()).add(file.name.split("-")[0])
    assert len(split) == FIRST + SECOND - 20
    assert {len(where) for where in split.values()} == {1}


def test_the_flag_wins_over_the_mixture(mixture: Mixture, here: Path) -> None:
    """With --source the recipe's sources are not read."""
    mixture({}, {})
    done = typer.testing.CliRunner().invoke(
        app,
        ["build", "--config", "recipe.toml", "--source", "first.jsonl", "--out", "flag"],
    )
    assert done.exit_code == 0, done.stderr
    manifest = manifest_of(here / "flag")
    assert manifest["recipe"]["source"] == ["first.jsonl"]
    assert "sources" not in manifest["recipe"]


def test_a_finished_mixture_with_limits_is_finished(tmp_path: Path, here: Path) -> None:
    """A file that a source's limit leaves unread is no change of the source."""
    recipe = tmp_path / "recipe.toml"
    values = json.dumps({"path": str(here / "*.jsonl"), "limit": 5})
    recipe.write_text(
        f'format = "tdm"\nsources = [{values.replace(": ", " = ")}]\n', encoding="utf-8"
    )
    for said in ("finished: ", "already finished: "):
        done = typer.testing.CliRunner().invoke(
            app, ["build", "--config", str(recipe), "--out", str(tmp_path / "out")]
        )
        assert done.exit_code == 0, done.stderr
        assert done.stderr.splitlines()[-1].startswith(said)
