"""A proof that shares code with what it proves would prove nothing."""

import ast
import json
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "pipeline" / "validate"
ALLOWED = {"errors", "slice.tokenizers", "slice.words", "schemas", "declarative"}


def imported_from_the_package(file: Path) -> set[str]:
    """The modules of this package, outside the room, that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level >= 2:
            found |= {node.module} if node.module else {one.name for one in node.names}
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        named = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        found |= {one for one in names + named if one.startswith("duplexdata")}
    return found


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda one: one.stem)
def test_the_validator_shares_no_code_with_the_builder(file: Path) -> None:
    """Of the package it imports tokenizers, words, errors, schemas, and rule 7, which is one."""
    assert imported_from_the_package(file) <= ALLOWED


@pytest.mark.parametrize("name", ["tdm_row", "duo_row"])
def test_the_row_schemas_are_schemas(name: str) -> None:
    """The schemas of rows are themselves valid, of draft 2020-12, and each column is described."""
    schema = json.loads((ROOT / "schemas" / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["required"]) == set(schema["properties"])
