"""A sample of rows against the JSON Schema of their format."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .nouns import MESSAGE_COLUMNS, Malformed, Row
from .report import Verdict

SAMPLE = 200
"""Rows that are checked; jsonschema takes some milliseconds a row."""


@dataclass(slots=True)
class Sampler:
    """Takes every n-th row, so that a sample of the wanted size is spread over all.

    Attributes:
        total: how many rows there are; where that is not known, ever fewer are taken.
        seen: how many of them come before those that it is asked of.
        size: rows that are taken, at most.
    """

    total: int | None
    seen: int = 0
    size: int = SAMPLE
    _taken: int = 0

    def takes(self, row: Row | Malformed) -> bool:
        """Whether the next row is one of the sample."""
        self.seen += 1
        if isinstance(row, Malformed) or row.utterances is None or not self._wanted():
            return False
        self._taken += 1
        return True

    def check(self, row: Row, verdict: Verdict) -> None:
        """Checks a row of the contract's columns."""
        verdict.scope = (*verdict.scope, "schema")
        error = next(validator_of(f"{row.format}_row").iter_errors(_as_json(row)), None)
        if error is not None:
            verdict.breach("schema", *in_words(error, "the row"))

    def _wanted(self) -> bool:
        if self.total is not None:
            step = max(1, -(-self.total // self.size))
            return (self.seen - 1) % step == 0
        step = 2 ** (self._taken // max(1, self.size // 4))
        return self._taken < self.size and (self.seen - 1) % step == 0


@cache
def validator_of(name: str) -> Any:
    """The validator of a JSON Schema of this package."""
    import jsonschema

    from ... import schemas

    schema = json.loads((files(schemas) / f"{name}.json").read_text("utf-8"))
    draft = jsonschema.Draft202012Validator
    ours = {"items": _items, "properties": _properties}
    return jsonschema.validators.extend(draft, ours)(schema)


def _items(validator: Any, items: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """`items` without prefix, as jsonschema has it; what is valid is not looked at again.

    Half of the messages of a row of slices are silence.
    """
    if not validator.is_type(instance, "array"):
        return
    valid: set[str] = set()
    for index, item in enumerate(instance):
        text = repr(item)
        if text in valid:
            continue
        if _is_valid(validator, item, items):
            valid.add(text)
        else:
            yield from validator.descend(item, items, path=index)


def _properties(validator: Any, properties: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    """`properties`, as jsonschema has it."""
    if not validator.is_type(instance, "object"):
        return
    for name, held in properties.items():
        if name in instance and not _is_valid(validator, instance[name], held):
            yield from validator.descend(instance[name], held, path=name, schema_path=name)


def _is_valid(validator: Any, value: Any, schema: Any) -> bool:
    """Whether a value is valid; jsonschema makes a validator anew for each value, this does not."""
    _, own = _of_part.get(id(schema), (None, None))
    if own is None:
        own = validator.evolve(schema=schema)
        _of_part[id(schema)] = schema, own
    return next(own.iter_errors(value), None) is None


_of_part: dict[int, tuple[Any, Any]] = {}
"""The validator of each part of the schemas, by its identity, with the part, so that it stays."""


def in_words(error: Any, whole: str) -> tuple[str, str]:
    """What a schema expects and what is there; `whole` names the value as a whole."""
    place = ".".join(map(str, error.absolute_path)) or whole
    return f"{place}: {error.validator} {error.validator_value}", error.message


def _as_json(row: Row) -> dict[str, Any]:
    roles = row.roles or [("user", "assistant")[index % 2] for index in range(len(row.contents))]
    value: dict[str, Any] = {
        "id": row.id,
        "type": row.type,
        "language": row.language,
        MESSAGE_COLUMNS[row.format]: [
            {"role": role, "content": content}
            for role, content in zip(roles, row.contents, strict=True)
        ],
        "utterances": [one._asdict() for one in row.utterances or ()],
        "source_ids": list(row.source_ids),
        "generator": row.generator,
    }
    if row.format == "duo":
        value["states"] = list(row.states or ())
    return value
