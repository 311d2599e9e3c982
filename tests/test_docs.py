"""What README and docs show is what there is."""

import importlib.util
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.rejects import REASONS
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.recipe_file import faults_of

from .conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language on a page."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


def test_command_reference_is_fresh() -> None:
    """docs/commands.md and docs/recipe.md are what docs/generate.py writes."""
    path = ROOT / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == generate.commands_page()
    assert (ROOT / "docs" / "recipe.md").read_text("utf-8") == generate.recipe_page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file of the project."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_reject_reasons_are_documented() -> None:
    """docs/sources.md lists every reason in the code's own words, and no other."""
    page = (ROOT / "docs" / "sources.md").read_text("utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page.split("| reason |")[1], re.MULTILINE))
    assert table == REASONS


def test_recipe_keys_are_documented() -> None:
    """docs/recipe.md has a line for every knob, and its examples can be read."""
    page = ROOT / "docs" / "recipe.md"
    table = page.read_text("utf-8").split("generated: knobs")[1].split("<!-- end -->")[0]
    keys = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert keys == list(Recipe.__dataclass_fields__)
    for example in blocks(page, "toml"):
        assert not faults_of(tomllib.loads(example), TYPES)


def readme_example() -> tuple[str, list[str], dict[str, list[tuple[str, str]]]]:
    """The README's source row, its build flags, and the two rows that it shows."""
    page = (ROOT / "README.md").read_text("utf-8")
    (source,) = blocks(ROOT / "README.md", "json")
    flags = re.search(r"with `(--seed[^`]*)`", page)
    assert flags is not None
    rows: dict[str, list[tuple[str, str]]] = {}
    for name, table in re.findall(r"\*\*(tdm|duo)\*\*.*?\n\n(\|.*?)\n\n", page, re.DOTALL):
        cells = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
        ]
        rows[name] = [(line[-2], line[-1]) for line in cells]
    return source, flags[1].split(), rows


@pytest.mark.parametrize(("name", "column"), [("tdm", "output"), ("duo", "messages")])
def test_readme_shows_real_rows(name: str, column: str, duplexdata: Run, tmp_path: Path) -> None:
    """The rows beside the README's dialogue are those that a build makes of it."""
    source, flags, shown = readme_example()
    (tmp_path / "basil.jsonl").write_text(json.dumps(json.loads(source)) + "\n", encoding="utf-8")
    done = duplexdata(
        *("build", "--format", name, "--source", "basil.jsonl", "--out", "out", *flags),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (row,) = pq.read_table(tmp_path / "out" / "data").to_pylist()
    contents = [as_shown(part) for part in row[column]]
    assert list(zip(contents[0::2], contents[1::2], strict=True)) == shown[name]


def as_shown(part: dict[str, Any]) -> str:
    """A content as a cell of a table shows it."""
    return f"`{part['content']}`"


def test_readme_names_both_set_up_commands() -> None:
    """One command sets up and runs, one sets up and tests; the latter is what CI runs."""
    page = (ROOT / "README.md").read_text("utf-8")
    assert "pip install . && duplexdata build --format tdm --source sample" in page
    assert page.count("&& pytest") == 1
