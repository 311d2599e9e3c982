"""Imports run one way: down the list of rooms in CONTRIBUTING.md."""

import ast
import re
from pathlib import Path

import pytest

from .conftest import ROOT

PIPELINE = ROOT / "pipeline"


def rooms() -> list[str]:
    """The rooms of the pipeline, from the top floor down."""
    listing = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("pipeline/\n")[1].split("```")[0]
    found = []
    for line in listing.splitlines():
        names = re.match(r"  ((?:[a-z_]+(?:\.py|/) ?)+)", line)
        if names:
            found += [name.removesuffix(".py").rstrip("/") for name in names[1].split()]
    return found


def imported_rooms(file: Path) -> set[str]:
    """The rooms that a module imports."""
    parts = ("pipeline", *file.relative_to(PIPELINE).with_suffix("").parts)
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parts[: len(parts) - node.level]
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            for module in modules:
                target = (*base, *module.split("."))
                if target[0] == "pipeline" and len(target) > 1:
                    found.add(target[1])
    return found


MODULES = sorted(PIPELINE.rglob("*.py"))


def test_every_module_stands_in_a_room() -> None:
    """CONTRIBUTING.md names every room, and no other."""
    there = {file.relative_to(PIPELINE).parts[0].removesuffix(".py") for file in MODULES}
    assert {re.sub("^declarative_.*", "declarative", name) for name in there} - {"__init__"} == set(
        rooms()
    )


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PIPELINE)))
def test_imports_run_down(file: Path) -> None:
    """A module imports from its own room and from those below it."""
    order = rooms()
    room = re.sub("^declarative_.*", "declarative", file.relative_to(PIPELINE).parts[0])
    room = room.removesuffix(".py")
    if room == "__init__":
        return
    for other in imported_rooms(file) - {room}:
        other_room = re.sub("^declarative_.*", "declarative", other)
        if room == "validate":
            assert other_room in {"slice", "declarative", "errors"}, other
        else:
            assert order.index(other_room) >= order.index(room), other
