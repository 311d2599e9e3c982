"""Scripts as rows: what a stage's folder and a block's file hold, and people may edit.

A row says of an utterance only what its text does not: `heard` is null where all of it is
heard, `at` where it does not begin over the other side. So a text can be changed without
counting its code points. `schemas/script.json` describes a row as JSON.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

import pyarrow as pa

from .dialogue import SPLITS, Role, Script, Split, State, Utterance

UTTERANCE = pa.struct(
    [
        ("role", pa.string()),
        ("text", pa.string()),
        ("heard", pa.int32()),
        ("at", pa.int32()),
        ("state", pa.string()),
        ("kind", pa.string()),
        ("origin", pa.string()),
    ]
)

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("source_ids", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
        ("whose", pa.list_(pa.int32())),
        ("utterances", pa.list_(UTTERANCE)),
    ]
)
"""A script a row, and the split that it goes to."""

_ROLES, _STATES = get_args(Role), get_args(State)


class ScriptRowError(ValueError):
    """A row that is no script; the message says what is wrong with it, and where."""


def script_row(script: Script, split: Split) -> dict[str, Any]:
    """A script as plain JSON values, in the order of `SCHEMA`."""
    return {
        "id": script.id,
        "type": script.type,
        "language": script.language,
        "split": split,
        "source_ids": list(script.source_ids),
        "keys": list(script.keys),
        "whose": list(script.whose),
        "utterances": [
            {
                "role": one.role,
                "text": one.text,
                "heard": one.heard if one.cut else None,
                "at": None if one.at < 0 else one.at,
                "state": one.state,
                "kind": one.kind,
                "origin": one.origin,
            }
            for one in script.utterances
        ],
    }


def read_script_row(row: Mapping[str, Any]) -> tuple[Script, Split]:
    """The script of a row that a person may have edited, and its split.

    Raises:
        ScriptRowError: it is no script.
    """
    split = row.get("split")
    if split not in SPLITS:
        raise ScriptRowError(f"the split is {split!r}, not one of {', '.join(SPLITS)}")
    for name in ("id", "type", "language"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise ScriptRowError(f"{name} is {row.get(name)!r}, and must be text")
    utterances = tuple(_utterance(one, at) for at, one in enumerate(row.get("utterances") or ()))
    check_utterances(utterances)
    script = Script(
        id=row["id"],
        type=row["type"],
        language=row["language"],
        source_ids=tuple(row.get("source_ids") or ()),
        keys=tuple(row.get("keys") or ()),
        utterances=utterances,
        whose=tuple(row.get("whose") or ()),
    )
    return script, split


def script_table(scripts: Iterable[tuple[Script, Split]]) -> pa.Table:
    """Scripts and their splits as a table of `SCHEMA`, a row each."""
    return pa.Table.from_pylist([script_row(*one) for one in scripts], schema=SCHEMA)


def read_script_table(table: pa.Table | pa.RecordBatch) -> list[tuple[Script, Split]]:
    """The scripts of a table of `SCHEMA`, and their splits.

    Raises:
        ScriptRowError: a row is no script; the message says the how-manieth, from 1.
    """
    scripts = []
    for number, row in enumerate(table.to_pylist(), start=1):
        try:
            scripts.append(read_script_row(row))
        except ScriptRowError as error:
            raise ScriptRowError(f"row {number}: {error}") from None
    return scripts


def _utterance(value: Any, number: int) -> Utterance:
    where = f"utterance {number}"
    if not isinstance(value, Mapping):
        raise ScriptRowError(f"{where} is a {type(value).__name__}")
    role: Any = value.get("role")
    text: Any = value.get("text")
    if role not in _ROLES:
        raise ScriptRowError(f"{where}: the role is {role!r}, not one of {', '.join(_ROLES)}")
    if not isinstance(text, str) or not text.strip():
        raise ScriptRowError(f"{where}: it has no text")
    if role == "user" and text != text.strip():
        raise ScriptRowError(f"{where}: white space stands at an edge of a user's text")
    for name in ("kind", "origin"):
        if not isinstance(value.get(name), str) or not value[name]:
            raise ScriptRowError(f"{where}: {name} is {value.get(name)!r}, and must be text")
    return Utterance(
        role,
        text,
        _heard(value.get("heard"), role, text, where),
        _at(value.get("at"), role, where),
        _state(value.get("state"), role, where),
        value["kind"],
        value["origin"],
    )


def _heard(heard: int | None, role: str, text: str, where: str) -> int:
    if heard is None:
        return len(text)
    if role == "user" or not 0 < heard <= len(text):
        whole = "a user is heard whole" if role == "user" else f"its text has {len(text)}"
        raise ScriptRowError(f"{where}: heard is {heard} code points, and {whole}")
    return heard


def _at(at: int | None, role: str, where: str) -> int:
    if at is None:
        return -1
    if role == "assistant":
        why = "only a user begins over the other side: it must be null"
    elif at < 1:
        why = "must be null where nobody is spoken over, else code points, 1 or more"
    else:
        return at
    raise ScriptRowError(f"{where}: at is {at}, and {why}")


def _state(state: Any, role: str, where: str) -> State | None:
    if role == "user" and state not in _STATES:
        raise ScriptRowError(f"{where}: the state is {state!r}, not one of {', '.join(_STATES)}")
    if role == "assistant" and state is not None:
        raise ScriptRowError(f"{where}: the state of an assistant's is {state!r}, and must be null")
    known: State | None = state
    return known


def check_utterances(utterances: Sequence[Utterance]) -> None:
    """Checks that utterances can follow each other so.

    Raises:
        ScriptRowError: they cannot; the message says which of them, from 0.
    """
    if not utterances or utterances[0].state != "query":
        raise ScriptRowError("it must begin with a user's query")
    if utterances[-1].state == "query":
        raise ScriptRowError("its last query is not answered")
    if utterances[0].at >= 0:
        raise ScriptRowError("utterance 0: it begins over the other side, which has said nothing")
    answer: Utterance | None = None  # the one that may still be spoken over
    for number, (before, one) in enumerate(pairwise(utterances), start=1):
        fault = _order_fault(before, one)
        if before.role == "assistant":
            answer = before
        if one.state == "statement" and one.at >= 0 and (not answer or one.at >= answer.heard):
            fault = "it begins over no answer, or after its end"
        if fault:
            raise ScriptRowError(f"utterance {number}: {fault}")


def _order_fault(before: Utterance, one: Utterance) -> str | None:
    """Why one utterance cannot follow the other, or None if it can."""
    cuts_in = one.state in ("query", "stop") and one.at >= 0
    if before.state == "stop":
        return "it comes after a stop, which ends a script"
    if (one.role == "assistant") != (before.state == "query"):
        return "an answer must follow a query, and nothing else"
    if before.cut and not cuts_in:
        return "what comes after a cut answer must cut in"
    if cuts_in and (before.role != "assistant" or one.at != before.heard):
        return "it cuts in, but not where an answer before it ends"
    return None
