"""The columns that both formats have."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..dialogue import ROLES
from ..slice.columns import SlicedRows, Spoken

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])

UTTERANCE = pa.struct(
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


def row_schema(*own: pa.Field) -> pa.Schema:
    """The schema of a format: the common columns around the format's own."""
    return pa.schema(
        [
            pa.field("id", pa.string()),
            pa.field("type", pa.string()),
            pa.field("language", pa.string()),
            *own,
            pa.field("utterances", pa.list_(UTTERANCE)),
            pa.field("source_ids", pa.list_(pa.string())),
            pa.field("generator", pa.string()),
        ]
    )


def to_table(
    rows: SlicedRows,
    schema: pa.Schema,
    own: dict[str, pa.Array],
    starts: npt.ArrayLike,
    slices: npt.ArrayLike | None,
) -> pa.Table:
    """Rows with the common columns and the format's own.

    Args:
        rows: in order.
        schema: of the format.
        own: the format's own columns, by name.
        starts: the first pair or message of each utterance, in order.
        slices: the pairs in which it is heard, or None for all.
    """
    spoken = rows.spoken
    columns = {
        "id": pa.array(spoken.ids, pa.string()),
        "type": pa.array(spoken.types, pa.string()),
        "language": pa.array(spoken.languages, pa.string()),
        "source_ids": _lists(spoken.source_ids),
        "generator": pa.array(spoken.generators, pa.string()),
        "utterances": pa.ListArray.from_arrays(
            list_offsets(spoken.counts), _utterances(spoken, starts, slices)
        ),
        **own,
    }
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def message_lists(lengths: npt.ArrayLike, roles: pa.Array, contents: pa.Array) -> pa.Array:
    """A list<struct<role, content>> column from its flat roles and contents."""
    values = pa.StructArray.from_arrays([roles, contents], fields=list(MESSAGE))
    return pa.ListArray.from_arrays(list_offsets(lengths), values)


def list_offsets(lengths: npt.ArrayLike) -> pa.Array:
    """Where each list of a column begins, and where the last one ends."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return pa.array(np.concatenate((np.zeros(1, dtype=np.int64), ends)).astype(np.int32))


def _lists(values: Sequence[Sequence[str]]) -> pa.Array:
    flat = pa.array(list(chain.from_iterable(values)), pa.string())
    return pa.ListArray.from_arrays(list_offsets(list(map(len, values))), flat)


def _utterances(spoken: Spoken, starts: npt.ArrayLike, slices: npt.ArrayLike | None) -> pa.Array:
    count = len(spoken.begins)
    unheard = [""] * count
    for number in spoken.cut():
        begin, end = spoken.begins[number] + spoken.heard[number], spoken.ends[number]
        unheard[number] = spoken.data[begin:end].decode()
    columns = [
        pa.array(ROLES).take(pa.array((~spoken.is_user).view(np.int8))),
        pa.array(spoken.states, pa.string()),
        pa.array(np.asarray(starts, dtype=np.int32)),
        pa.nulls(count, pa.int32())
        if slices is None
        else pa.array(np.asarray(slices, dtype=np.int32)),
        pa.array(spoken.at >= 0),
        pa.array(spoken.kinds, pa.string()),
        pa.array(spoken.origins, pa.string()),
        pa.array(unheard, pa.string()),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(UTTERANCE))
