"""The default recipe as TOML, each knob with what it means."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .knobs import KNOBS, SOURCE_KNOBS, Knob
from .recipe import Recipe
from .toml_text import toml_line, toml_table

_HEAD = """\
# A recipe of duplexdata: every knob that the bytes of a run depend on, with its default.
# What stands behind "# " and has a "=" is not set. Read by: duplexdata build --config FILE
"""
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_WIDTH = 96


def default_recipe(rates: Mapping[str, float]) -> str:
    """The default recipe, which sets nothing that differs from what holds without it.

    Args:
        rates: the default ones of the types.
    """
    values = Recipe(format="", rates=dict(rates)).as_dict()
    lines = _HEAD.splitlines()
    for knob in KNOBS:
        if not _is_table(values.get(knob.name)):
            lines += ["", *_comment(knob), _setting(knob, values)]
            if knob.name == "sources":
                lines += _source_comments()
    for knob in KNOBS:  # at the end: what follows a table is in it
        if _is_table(values.get(knob.name)):
            lines += ["", *_comment(knob), *toml_table(knob.name, values[knob.name])]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value)


def _setting(knob: Knob, values: Mapping[str, Any]) -> str:
    if knob.example:
        return f"# {knob.name} = {knob.example}"
    return toml_line(knob.name, values[knob.name])


def _source_comments() -> Iterator[str]:
    yield "# of each source:"
    for knob in SOURCE_KNOBS:
        held = f" (default: {_plain(knob.default)})" if knob.default else ""
        yield from _wrapped(f"  {knob.name}: {_plain(knob.meaning)}{held}")


def _comment(knob: Knob) -> Iterator[str]:
    said = _plain(knob.meaning)
    if knob.example and knob.default:
        said += f" (default: {_plain(knob.default)})"
    if knob.flag:
        said += f"  [{knob.flag}]"
    yield from _wrapped(said)


def _wrapped(text: str) -> Iterator[str]:
    return iter(textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   "))


def _plain(markdown: str) -> str:
    """A meaning without links and code marks."""
    return _LINK.sub(_said, markdown).replace("`", "")


def _said(link: re.Match[str]) -> str:
    text, target = link.groups()
    return f"{text} (docs/{'recipe.md' if target[0] == '#' else ''}{target})"
