"""`rejected.parquet`: every source row that is in no row, or not in all it was drawn for."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from .shards import WrittenFile, write_parquet

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("line", pa.int64()),
        pa.field("source_id", pa.string()),
        pa.field("type", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)
"""`row` counts from 1 within its file; `line` is null where a file has no lines.

`type` is null where the whole source row was rejected, else the interaction type
that could not be made of it; `source_id` is null for a rejected row.
"""


def write_rejected(rows: Iterable[tuple[Any, ...]], folder: Path) -> WrittenFile:
    """Writes the rows, each a tuple in the order of the schema."""
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)],
        schema=SCHEMA,
    )
    return write_parquet([table], SCHEMA, folder, "rejected.parquet")
