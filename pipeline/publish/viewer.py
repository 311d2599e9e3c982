"""What the Hub's viewer asks of Parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import PublishError

MOST_BYTES = 286 * 1024 * 1024
"""Of a row group, uncompressed; the viewer does not read a larger one."""


def check_viewer(folder: Path, shards: Sequence[str], most_bytes: int = MOST_BYTES) -> None:
    """Raises a PublishError where the Hub could not show, or `datasets` not read, the shards.

    Args:
        folder: of the run.
        shards: paths in it.
        most_bytes: of a row group.
    """
    first: pa.Schema | None = None
    for path in shards:
        try:
            with pq.ParquetFile(folder / path) as file:
                schema, metadata = file.schema_arrow, file.metadata
        except (OSError, pa.ArrowException) as error:
            reason = str(error).splitlines()[0]
            raise PublishError(f"{folder / path} is no Parquet file: {reason}") from None
        if first is None:
            first = schema
        elif not schema.equals(first):
            raise PublishError(f"{folder / path} has another schema than {shards[0]}")
        for number in range(metadata.num_row_groups):
            size = metadata.row_group(number).total_byte_size
            if size >= most_bytes:
                raise PublishError(
                    f"{folder / path}: row group {number} has {size:,} bytes, and the Hub's viewer "
                    f"reads less than {most_bytes:,}: build with a smaller block_rows"
                )
        for name in _null_columns(schema):
            raise PublishError(f"{folder / path}: the column {name} is of type null")


def _null_columns(schema: pa.Schema) -> Iterator[str]:
    for field in schema:
        yield from _nulls(field, field.name)


def _nulls(field: pa.Field, name: str) -> Iterator[str]:
    if pa.types.is_null(field.type):
        yield name
    elif pa.types.is_nested(field.type):
        for number in range(field.type.num_fields):
            inner = field.type.field(number)
            yield from _nulls(inner, f"{name}.{inner.name}")
