"""A recipe as TOML: what `duplexdata build --config` takes to build the same rows again."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_of(recipe: Mapping[str, Any]) -> str:
    """The recipe of a manifest as a TOML file."""
    plain = {key: value for key, value in recipe.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in recipe.items() if isinstance(value, Mapping) and value}
    return "\n".join([*_lines(plain), *(line for one in tables.items() for line in _table(*one))])


def _table(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"[{name}]"
    yield from _lines(values)


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        bare = key.replace("_", "").isalnum() and key.isascii()
        yield f"{key if bare else _text(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)


def _text(value: str) -> str:
    # What JSON escapes in a string is what TOML escapes, but for U+007F.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
