"""`rejected.parquet` and `left_out.parquet`: what of the sources is in no row, and why."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from .shards import WrittenFile, write_parquet

REJECTED = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("line", pa.int64()),
        pa.field("source_id", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)
"""Source rows that are in no row. `row` counts from 1 within its file; `line` is null where
a file has no lines; `source_id` is null where the row itself could not be used."""

LEFT_OUT = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("line", pa.int64()),
        pa.field("source_id", pa.string()),
        pa.field("type", pa.string()),
        pa.field("reason", pa.string()),
    ]
)
"""Dialogues that were drawn for an interaction type and are in no row of it."""


def write_rows(
    rows: Iterable[tuple[Any, ...]], schema: pa.Schema, folder: Path, path: str
) -> WrittenFile:
    """Writes rows, each a tuple in the order of the schema."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
    return write_parquet([table], schema, folder, path)
