"""The columns that both formats have."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..dialogue import Script, Utterance
from ..slice.schedule import SlicedScript

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
    sliced: Sequence[SlicedScript],
    schema: pa.Schema,
    own: dict[str, pa.Array],
    starts: Sequence[int],
    slices: Sequence[int | None],
) -> pa.Table:
    """Rows with the common columns and the format's own.

    Args:
        sliced: one script a row.
        schema: of the format.
        own: the format's own columns, by name.
        starts: the first pair or message of each utterance of all scripts, in order.
        slices: the pairs in which it is heard, or None.
    """
    scripts = [one.script for one in sliced]
    spoken = [utterance for script in scripts for utterance in script.utterances]
    columns = {
        "id": pa.array([script.id for script in scripts], pa.string()),
        "type": pa.array([script.type for script in scripts], pa.string()),
        "language": pa.array([script.language for script in scripts], pa.string()),
        "source_ids": pa.array(
            [list(script.source_ids) for script in scripts], pa.list_(pa.string())
        ),
        "generator": pa.array([script.generator for script in scripts], pa.string()),
        "utterances": pa.ListArray.from_arrays(
            _list_offsets(scripts), _utterances(spoken, starts, slices)
        ),
        **own,
    }
    table = pa.Table.from_arrays([columns[name] for name in schema.names], names=schema.names)
    return table.cast(schema)


def message_lists(lengths: Sequence[int], roles: pa.Array, contents: pa.Array) -> pa.Array:
    """A list<struct<role, content>> column from its flat roles and contents."""
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int32)
    values = pa.StructArray.from_arrays([roles, contents], fields=list(MESSAGE))
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _list_offsets(scripts: Sequence[Script]) -> pa.Array:
    counts = [len(script.utterances) for script in scripts]
    return pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))


def _utterances(
    spoken: Sequence[Utterance], starts: Sequence[int], slices: Sequence[int | None]
) -> pa.Array:
    by_field = list(zip(*spoken, strict=True)) or [()] * len(Utterance._fields)
    roles, texts, heard, places, states, kinds, origins = by_field
    columns = [
        pa.array(roles, pa.string()),
        pa.array(states, pa.string()),
        pa.array(starts, pa.int32()),
        pa.array(slices, pa.int32()),
        pa.array([at >= 0 for at in places], pa.bool_()),
        pa.array(kinds, pa.string()),
        pa.array(origins, pa.string()),
        pa.array([text[end:] for text, end in zip(texts, heard, strict=True)], pa.string()),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(UTTERANCE))
