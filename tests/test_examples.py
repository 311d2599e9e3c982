"""docs/examples.md shows rows as a build makes them."""

import runpy
from typing import Any

import pytest

from .conftest import ROOT


@pytest.fixture(scope="module")
def generate() -> dict[str, Any]:
    """What docs/generate.py defines."""
    return runpy.run_path(str(ROOT / "docs" / "generate.py"))


def test_examples_are_fresh(generate: dict[str, Any]) -> None:
    """docs/examples.md is what docs/generate.py writes."""
    page = (ROOT / "docs" / "examples.md").read_text("utf-8")
    assert page == generate["examples_page"]()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"`a\|b`"),
        ("one\r\ntwo\n", "`one⏎two⏎`"),
        ("<b>&amp;*_", "`<b>&amp;*_`"),
        ("call `f`", "`` call `f` ``"),
        ("a ``` b", "````a ``` b````"),
        (" a ", "`  a  `"),
        (" a", "` a`"),
        ("", "(empty)"),
    ],
)
def test_contents_survive_a_table(generate: dict[str, Any], text: str, shown: str) -> None:
    """A content in a cell is code that a reader sees as it is."""
    assert generate["code"](text) == shown
