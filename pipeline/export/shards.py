"""Shards: Parquet files that are there whole, or not at all."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

WORK = ".work"
"""The folder within a run's folder that holds what is unfinished."""

_SAID = ("content", "unheard")
"""Columns of texts that hardly come again, whose least and greatest tell nobody anything."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A finished file: its path in the run's folder, rows, bytes, and the sha256 of these."""

    path: str
    rows: int
    bytes: int
    sha256: str


def write_parquet(
    tables: Iterable[pa.Table], schema: pa.Schema, folder: Path, path: str
) -> WrittenFile:
    """Writes a row group a table; the file appears under its name once it is on disk.

    Args:
        tables: in order; JSON objects in their metadata go together into the file's.
        schema: of all of them.
        folder: the run's folder; a hidden folder in it takes the unfinished file.
        path: where the file goes in it, with forward slashes.
    """
    unfinished = folder / WORK / f"{Path(path).name}.{os.getpid()}.tmp"
    rows = 0
    notes: dict[bytes, dict[str, Any]] = {}
    others = [one for one in _column_paths(schema) if one.rpartition(".")[2] not in _SAID]
    with pq.ParquetWriter(
        unfinished,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=others,
        write_statistics=others,
        use_content_defined_chunking=True,  # the Hub stores equal chunks once
        write_page_index=True,
    ) as writer:
        for table in tables:
            rows += table.num_rows
            writer.write_table(table, row_group_size=max(1, table.num_rows))
            for key, note in (table.schema.metadata or {}).items():
                notes.setdefault(key, {}).update(orjson.loads(note))
            del table  # before the next is made
        writer.add_key_value_metadata({key: orjson.dumps(note) for key, note in notes.items()})
    return finish_file(unfinished, folder, path, rows)


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one after the other; JSON objects in their metadata go together, as they are."""
    # In one piece: where pieces meet, pages could end elsewhere.
    whole = pa.concat_tables(tables).combine_chunks()
    notes: dict[bytes, list[bytes]] = {}
    for table in tables:
        for key, note in (table.schema.metadata or {}).items():
            notes.setdefault(key, []).append(note[1:-1])
    return whole.replace_schema_metadata(
        {key: b"{%b}" % b",".join(filter(None, inner)) for key, inner in notes.items()}
    )


def _column_paths(fields: Iterable[pa.Field], within: str = "") -> list[str]:
    """The columns of a Parquet file, as its writer calls them."""
    found = []
    for field in fields:
        kind, path = field.type, f"{within}{field.name}"
        while pa.types.is_list(kind):
            kind, path = kind.value_type, f"{path}.list.element"
        found += _column_paths(kind, f"{path}.") if pa.types.is_struct(kind) else [path]
    return found


def finish_file(unfinished: Path, folder: Path, path: str, rows: int) -> WrittenFile:
    """Makes a written file durable and gives it its name in the run's folder."""
    final = folder / path
    with unfinished.open("r+b") as stream:  # Windows syncs only what it may write
        os.fsync(stream.fileno())
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    size = unfinished.stat().st_size
    unfinished.replace(final)
    sync_folder(final.parent)
    return WrittenFile(path, rows, size, sha256)


def write_text(text: str, folder: Path, path: str) -> None:
    """Writes a small file, whole or not at all."""
    unfinished = folder / WORK / f"{Path(path).name}.{os.getpid()}.tmp"
    with unfinished.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    unfinished.replace(folder / path)
    sync_folder((folder / path).parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename in a folder durable, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
