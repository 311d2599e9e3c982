"""Plain values as TOML: what `duplexdata build --config` takes to build the same rows again."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def toml_of(recipe: Mapping[str, Any]) -> str:
    """The recipe of a manifest as a TOML file; of a mixture `sources` alone names the sources."""
    left_out = {"source"} if recipe.get("sources") else set()
    plain, tables = [], []
    for key, value in recipe.items():
        if key in left_out:
            continue
        if isinstance(value, Mapping):
            tables += ["", *toml_table(key, value)] if value else []
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for one in value:
                tables += ["", f"[[{key}]]", *_lines(one)]
        else:
            plain.append(toml_line(key, value))
    return "\n".join([*plain, *tables])


def toml_table(name: str, values: Mapping[str, Any]) -> list[str]:
    """A table of plain values; none if it would be empty."""
    return [f"[{name}]", *_lines(values)] if values else []


def toml_line(key: str, value: Any) -> str:
    """A key and its value."""
    bare = key.replace("_", "").isalnum() and key.isascii()
    return f"{key if bare else _text(key)} = {_value(value)}"


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    return (toml_line(key, value) for key, value in values.items())


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
