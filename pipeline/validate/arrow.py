"""Rows out of Arrow batches, and the Arrow schema of the contract.

Columns are taken apart whole; a row is then a few list slices, where
`to_pylist` would make a dictionary of each slice of each channel.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .nouns import MESSAGE_COLUMNS, Malformed, Row, Utterance
from .text import IDLE

Numbers = npt.NDArray[np.int64]

BATCH_ROWS = 1024
"""Rows read at a time; long rows of 400 pairs then take some tens of MB."""

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_UTTERANCE = pa.struct(
    [
        ("role", pa.string()),
        ("state", pa.string()),
        ("start", pa.int32()),
        ("slices", pa.int32()),
        ("over", pa.bool_()),
        ("kind", pa.string()),
        ("origin", pa.string()),
        ("unheard", pa.string()),
    ]
)
_COMMON = {
    "id": pa.string(),
    "type": pa.string(),
    "language": pa.string(),
    "utterances": pa.list_(_UTTERANCE),
    "source_ids": pa.list_(pa.string()),
    "generator": pa.string(),
}
COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "tdm": {**_COMMON, "output": pa.list_(_MESSAGE)},
    "duo": {**_COMMON, "messages": pa.list_(_MESSAGE), "states": pa.list_(pa.string())},
}
"""The columns of each format, as the contract has them."""

_NULLABLE = ("state", "slices")


def format_of(schema: pa.Schema) -> str | None:
    """`tdm`, `duo`, or None where the columns say neither or both."""
    held = [name for name, column in MESSAGE_COLUMNS.items() if column in schema.names]
    return held[0] if len(held) == 1 else None


def schema_fault(schema: pa.Schema) -> tuple[str, str] | None:
    """What the Arrow schema breaks, as (expected, found), or None."""
    row_format = format_of(schema)
    if row_format is None:
        return "either a column output or a column messages", ", ".join(schema.names) or "none"
    for name, wanted in COLUMNS[row_format].items():
        if schema.names.count(name) != 1:
            return f"one column {name}: {wanted}", ", ".join(schema.names)
        found = schema.field(name).type
        if not _same(found, wanted):
            return f"column {name}: {wanted}", str(found)
    return None


def columns_of(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that the contract does not know."""
    row_format = format_of(schema)
    known = COLUMNS[row_format] if row_format else {}
    return tuple(name for name in schema.names if name not in known)


def fast_batch(batch: pa.RecordBatch, before: int) -> list[Row | Malformed] | None:
    """The rows of a batch of the contract's schema; None where it must be read with care.

    That is where it holds nulls or numbers that cannot be, or has other columns.

    Args:
        batch: of a file without schema fault.
        before: how many rows of the file come before it.
    """
    row_format = format_of(batch.schema)
    if row_format is None or not set(COLUMNS[row_format]) <= set(batch.schema.names):
        return None
    columns = {name: batch.column(name) for name in COLUMNS[row_format]}
    if any(column.null_count for column in columns.values()):
        return None
    messages = columns[MESSAGE_COLUMNS[row_format]]
    utterances, sources = columns["utterances"], columns["source_ids"]
    spoken, told, found_at = messages.flatten(), utterances.flatten(), sources.flatten()
    parts = dict(zip(("role", "content"), spoken.flatten(), strict=True))
    fields = dict(zip((one.name for one in _UTTERANCE), told.flatten(), strict=True))
    whole = [spoken, told, found_at, *parts.values()]
    whole += [one for name, one in fields.items() if name not in _NULLABLE]
    if any(one.null_count for one in whole):
        return None
    if any(pc.any(pc.less(fields[name], 0)).as_py() for name in ("start", "slices")):
        return None
    ends = _bounds(messages)
    contents: list[str] = parts["content"].to_pylist()
    strict = _alternating(parts["role"], ends)
    roles: list[str] = [] if strict.all() else parts["role"].to_pylist()
    all_utterances = list(
        map(Utterance._make, zip(*(one.to_pylist() for one in fields.values()), strict=True))
    )
    utterance_ends, source_ends = _bounds(utterances).tolist(), _bounds(sources).tolist()
    laid_out = [False] * batch.num_rows
    if row_format == "tdm" and strict.all() and not fields["slices"].null_count:
        laid_out = _laid_out(parts["content"], ends, fields, _bounds(utterances))
    source_ids: list[str] = found_at.to_pylist()
    states = columns["states"].to_pylist() if row_format == "duo" else None
    names: dict[str, list[Any]] = {
        name: columns[name].to_pylist() for name in ("id", "type", "language", "generator")
    }
    bounds: list[int] = ends.tolist()
    return [
        Row(
            number=before + index + 1,
            format=row_format,
            id=names["id"][index],
            type=names["type"][index],
            language=names["language"][index],
            roles=None if strict[index] else roles[bounds[index] : bounds[index + 1]],
            contents=contents[bounds[index] : bounds[index + 1]],
            states=states[index] if states is not None else None,
            utterances=all_utterances[utterance_ends[index] : utterance_ends[index + 1]],
            source_ids=source_ids[source_ends[index] : source_ends[index + 1]],
            generator=names["generator"][index],
            laid_out=laid_out[index],
        )
        for index in range(batch.num_rows)
    ]


def _bounds(lists: pa.ListArray) -> Numbers:
    """Where each list begins and the last ends, from 0 on (a batch may be a window)."""
    offsets = np.asarray(lists.offsets, dtype=np.int64)
    shifted: Numbers = offsets - offsets[0]
    return shifted


def _alternating(roles: pa.StringArray, bounds: Numbers) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """For each row, whether its roles are user, assistant, user, assistant, ..."""
    begins, lengths = bounds[:-1], np.diff(bounds)
    in_row = np.arange(bounds[-1]) - np.repeat(begins, lengths)
    as_user = pc.equal(roles, "user").to_numpy(zero_copy_only=False)
    as_assistant = pc.equal(roles, "assistant").to_numpy(zero_copy_only=False)
    right = np.where(in_row % 2 == 0, as_user, as_assistant)
    wrong_before = np.concatenate(([0], np.cumsum(~right)))
    strict: np.ndarray[Any, np.dtype[np.bool_]] = (
        (wrong_before[bounds[1:]] == wrong_before[begins]) & (lengths % 2 == 0) & (lengths > 0)
    )
    return strict


def _laid_out(
    contents: pa.StringArray,
    bounds: Numbers,
    told: Mapping[str, pa.Array],
    told_bounds: Numbers,
) -> list[bool]:
    """For each row, see `Row.laid_out`: of all rows of a batch at once, for most are.

    Args:
        contents: of the messages of all rows, whose roles alternate.
        bounds: where the messages of each row begin.
        told: the columns of their utterances.
        told_bounds: where the utterances of each row begin.
    """
    whose = np.repeat(np.arange(len(bounds) - 1), np.diff(told_bounds))
    start, slices = (told[name].to_numpy().astype(np.int64) for name in ("start", "slices"))
    of_user, of_assistant = (
        pc.equal(told["role"], role).to_numpy(zero_copy_only=False)
        for role in ("user", "assistant")
    )
    begin = bounds[whose] + 2 * start + of_assistant
    end = begin + 2 * slices
    in_order = np.diff(start, prepend=0) >= 0
    in_order[told_bounds[:-1][np.diff(told_bounds) > 0]] = True  # the first of a row
    inside = 2 * (start + slices) <= np.diff(bounds)[whose]
    fits = in_order & (of_user | of_assistant) & inside
    changes = np.zeros(bounds[-1] + 2, dtype=np.int64)
    np.add.at(changes, begin[fits], 1)
    np.add.at(changes, end[fits], -1)
    speaking = changes.reshape(-1, 2).cumsum(axis=0).ravel()[:-2]
    idle = pc.equal(contents, IDLE).to_numpy(zero_copy_only=False)
    empty = pc.equal(contents, "").to_numpy(zero_copy_only=False)
    wrong_before = np.concatenate(([0], np.cumsum((speaking != ~idle) | empty)))
    wrong = np.diff(wrong_before[bounds]) > 0
    wrong[whose[~fits]] = True
    found: list[bool] = (~wrong).tolist()
    return found


def _same(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether two types are one, whatever a list calls its elements."""
    if pa.types.is_list(wanted):
        return bool(pa.types.is_list(found)) and _same(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return (
            bool(pa.types.is_struct(found))
            and [one.name for one in found] == [one.name for one in wanted]
            and all(_same(one.type, two.type) for one, two in zip(found, wanted, strict=True))
        )
    return bool(found.equals(wanted))
