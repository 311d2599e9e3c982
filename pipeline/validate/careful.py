"""Rows out of JSON values of any shape: what is not a row is `Malformed`, with the reason."""

from typing import Any

from .nouns import MESSAGE_COLUMNS, Malformed, Row, Utterance

COLUMNS_OF_OURS = ("source_ids", "utterances", "generator")
"""Columns that the released layout has not: with any of them, a row must have them all."""

_TOO_WIDE = 2**31
_UTTERANCE_TYPES: dict[str, tuple[type, ...]] = {
    "role": (str,),
    "state": (str, type(None)),
    "start": (int,),
    "slices": (int, type(None)),
    "over": (bool,),
    "kind": (str,),
    "origin": (str,),
    "unheard": (str,),
}
_NAMES = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    dict: "an object",
    type(None): "null",
}


def row_from_json(record: Any, number: int) -> Row | Malformed:
    """A row from a JSON value of any shape."""
    if not isinstance(record, dict):
        return Malformed(number, None, "a row that is an object", type(record).__name__)
    named = record.get("id")
    row_id = named if isinstance(named, str) else None
    held = [name for name, column in MESSAGE_COLUMNS.items() if column in record]
    if len(held) != 1:
        keys = ", ".join(map(str, record)) or "none"
        return Malformed(number, row_id, "a row with either output or messages", f"keys {keys}")
    column = MESSAGE_COLUMNS[held[0]]
    fault = _messages_fault(record[column], column)
    if fault:
        return Malformed(number, row_id, *fault)
    roles = _odd_roles([one["role"] for one in record[column]])
    contents = [one["content"] for one in record[column]]
    if not any(name in record for name in COLUMNS_OF_OURS):
        return _released(record, number, row_id, held[0], roles, contents)
    fault = _own_fault(record, held[0])
    if fault:
        return Malformed(number, row_id, *fault)
    return Row(
        number=number,
        format=held[0],
        id=record["id"],
        type=record["type"],
        language=record["language"],
        roles=roles,
        contents=contents,
        states=record["states"] if held[0] == "duo" else None,
        utterances=[
            Utterance(**{name: one[name] for name in _UTTERANCE_TYPES})
            for one in record["utterances"]
        ],
        source_ids=record["source_ids"],
        generator=record["generator"],
    )


def _released(
    record: dict[str, Any],
    number: int,
    row_id: str | None,
    row_format: str,
    roles: list[str] | None,
    contents: list[str],
) -> Row:
    """A row of the released layout: messages, and perhaps a name, type or language."""
    named = {
        name: record[name] if isinstance(record.get(name), str) else None
        for name in ("type", "language")
    }
    states = record.get("states")
    return Row(
        number=number,
        format=row_format,
        id=row_id,
        type=named["type"],
        language=named["language"],
        roles=roles,
        contents=contents,
        states=states if isinstance(states, list) else None,
        utterances=None,
        source_ids=(),
        generator=None,
    )


def _odd_roles(roles: list[str]) -> list[str] | None:
    """The roles, or None where they are what a `Row` need not spell out."""
    half = len(roles) // 2
    return None if half and roles == ["user", "assistant"] * half else roles


def _messages_fault(messages: Any, column: str) -> tuple[str, str] | None:
    """What keeps a value from being a list of messages, as (expected, found)."""
    if not isinstance(messages, list):
        return f"{column}: a list of messages", _kind_of(messages)
    for index, one in enumerate(messages):
        if not isinstance(one, dict):
            return f"{column}[{index}]: role and content", _kind_of(one)
        for name in ("role", "content"):
            if not isinstance(one.get(name), str):
                return f"{column}[{index}].{name}: a string", _kind_of(one.get(name))
    return None


def _own_fault(record: dict[str, Any], row_format: str) -> tuple[str, str] | None:
    """What keeps the other columns from being those of the contract."""
    for name in ("id", "type", "language", "generator"):
        if not isinstance(record.get(name), str):
            return f"{name}: a string", _kind_of(record.get(name))
    faults = [
        _list_fault(record, "source_ids", (str,)),
        _list_fault(record, "states", (str, type(None))) if row_format == "duo" else None,
        _list_fault(record, "utterances", (dict,)),
    ]
    found = next(filter(None, faults), None)
    if found:
        return found
    of_utterances = (
        _utterance_fault(one, f"utterances[{index}]")
        for index, one in enumerate(record["utterances"])
    )
    return next(filter(None, of_utterances), None)


def _list_fault(
    record: dict[str, Any], name: str, allowed: tuple[type, ...]
) -> tuple[str, str] | None:
    """What keeps a column from being a list of values of some types."""
    values = record.get(name)
    if not isinstance(values, list):
        return f"{name}: a list", _kind_of(values)
    for index, one in enumerate(values):
        if type(one) not in allowed:
            return f"{name}[{index}]: {_names(allowed)}", _kind_of(one)
    return None


def _utterance_fault(one: dict[str, Any], where: str) -> tuple[str, str] | None:
    for name, allowed in _UTTERANCE_TYPES.items():
        value = one.get(name)
        if name not in one or type(value) not in allowed:
            return f"{where}.{name}: {_names(allowed)}", _kind_of(value)
        if type(value) is int and not 0 <= value < _TOO_WIDE:
            return f"{where}.{name}: 0 or more, 32 bits", str(value)
    return None


def _kind_of(value: Any) -> str:
    return "nothing (missing or null)" if value is None else type(value).__name__


def _names(allowed: tuple[type, ...]) -> str:
    return " or ".join(_NAMES[kind] for kind in allowed)
