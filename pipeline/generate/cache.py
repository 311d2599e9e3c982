"""What can be done with a store of replies as a whole: size, prune, export, import."""

import json
import os
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import RecipeError, StoreError
from .database import INSERT, open_to_read, open_to_write, told
from .request import KEY_VERSION, Request, Tokens
from .store import Row, is_reply, row_of

_EXPORT_ROWS = 1000
_COLUMNS = ("key", "kind", "model", "base_url", "attempt", "request", "raw")
_NUMBERS = ("tokens_in", "tokens_out", "created")


class Size(NamedTuple):
    """What is kept of a model and a kind.

    Attributes:
        model: its name.
        kind: of the requests.
        rows: replies.
        size: bytes of requests (compressed) and replies.
        tokens: as the servers counted them.
    """

    model: str
    kind: str
    rows: int
    size: int
    tokens: Tokens


class Moved(NamedTuple):
    """What became of the replies of an export or import.

    Attributes:
        rows: written, or added.
        others: not in the store, or there already.
    """

    rows: int
    others: int


def sizes(path: Path) -> list[Size]:
    """What is kept, by model and kind; nothing where there is no store.

    Raises:
        StoreError: the store cannot be read.
    """
    if not path.exists():
        return []
    with told(path), closing(open_to_read(path)) as connection:
        rows = connection.execute(
            "SELECT model, kind, count(*), sum(length(request) + length(CAST(raw AS BLOB))), "
            "sum(tokens_in), sum(tokens_out) FROM replies GROUP BY model, kind ORDER BY model, kind"
        )
        return [
            Size(model, kind, number, size, Tokens(prompt, completion))
            for model, kind, number, size, prompt, completion in rows
        ]


def prune(
    path: Path,
    *,
    before: float | None = None,
    model: str | None = None,
    keep: Collection[str] | None = None,
) -> int:
    """Forgets the replies that all of the given conditions name, and gives back their room.

    Args:
        path: of the store.
        before: those created before this time, in seconds since 1970.
        model: those of this model.
        keep: those whose key is none of these.

    Returns:
        How many were forgotten.

    Raises:
        RecipeError: no condition is given.
        StoreError: the store cannot be read.
    """
    wanted: list[str] = []
    values: list[object] = []
    if before is not None:
        wanted.append("created < ?")
        values.append(before)
    if model is not None:
        wanted.append("model = ?")
        values.append(model)
    if keep is not None:
        wanted.append("key NOT IN (SELECT key FROM temp.kept)")
    if not wanted:
        raise RecipeError("prune: say which replies, by age, by model or by what is to be kept")
    if not path.exists():
        return 0
    with told(path), closing(open_to_write(path)) as connection:
        connection.execute("CREATE TEMP TABLE kept (key BLOB PRIMARY KEY)")
        connection.executemany(
            "INSERT OR IGNORE INTO temp.kept VALUES (?)",
            ((bytes.fromhex(key),) for key in keep or ()),
        )
        condition = " AND ".join(wanted)
        gone = connection.execute(f"DELETE FROM replies WHERE {condition}", values).rowcount  # noqa: S608  # made of the constants above
        connection.execute("VACUUM")
        return gone


def export_replies(path: Path, out: Path, keys: Iterable[str] | None = None) -> Moved:
    """Writes replies to a Parquet file, in the order of their keys.

    Args:
        path: of the store.
        out: the file; written beside and renamed.
        keys: of the replies; all of the store's by default.

    Raises:
        StoreError: the store cannot be read, or the file not be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        raise StoreError(f"{path}: no store of replies is there")
    schema = _schema()
    asked = None if keys is None else sorted(set(keys))
    written = 0
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with told(path), closing(open_to_read(path)) as connection:
            connection.execute("BEGIN")  # one state of the store, whoever writes meanwhile
            with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
                found = _rows(connection, asked)
                while rows := list(islice(found, _EXPORT_ROWS)):
                    writer.write_table(pa.Table.from_pylist(rows, schema))
                    written += len(rows)
        unfinished.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: {error.strerror or error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return Moved(written, 0 if asked is None else len(asked) - written)


def _schema() -> Any:
    import pyarrow as pa

    types = {name: pa.string() for name in _COLUMNS} | {name: pa.int64() for name in _NUMBERS}
    types["attempt"] = pa.int32()
    return pa.schema(types.items()).with_metadata({"key_version": str(KEY_VERSION)})


def _rows(connection: sqlite3.Connection, keys: Iterable[str] | None) -> Iterator[dict[str, Any]]:
    if keys is None:
        found: Iterable[Row] = connection.execute("SELECT * FROM replies ORDER BY key")
    else:
        one = "SELECT * FROM replies WHERE key = ?"
        found = (row for key in keys for row in connection.execute(one, (bytes.fromhex(key),)))
    for row in found:
        named = dict(zip((*_COLUMNS, *_NUMBERS), row, strict=True))
        yield named | {"key": row[0].hex(), "request": zlib.decompress(row[5]).decode()}


def import_replies(path: Path, file: Path) -> Moved:
    """Adds the replies of an exported file to a store; those that are there already stay.

    Raises:
        StoreError: the file is no export, or a row's key is not that of its request.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    total = added = 0
    try:
        with pq.ParquetFile(file) as exported:
            lacking = [f.name for f in _schema() if f not in list(exported.schema_arrow)]
            if lacking:
                raise StoreError(f"{file}: no export of replies: column {lacking[0]} is not there")
            with told(path), closing(open_to_write(path)) as connection:
                for batch in exported.iter_batches(_EXPORT_ROWS):
                    rows = [
                        _checked(row, file, total + place)
                        for place, row in enumerate(batch.to_pylist(), start=1)
                    ]
                    before = connection.total_changes
                    connection.execute("BEGIN IMMEDIATE")
                    connection.executemany(INSERT, rows)
                    connection.execute("COMMIT")
                    total += len(rows)
                    added += connection.total_changes - before
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{file}: cannot be read as Parquet ({error})") from None
    return Moved(added, total - added)


def _checked(row: dict[str, Any], file: Path, number: int) -> Row:
    """A row of an export as a row of the store, if its key is that of its request."""
    try:
        request = Request(row["kind"], row["base_url"], json.loads(row["request"]), row["attempt"])
        tokens = Tokens(row["tokens_in"], row["tokens_out"])
    except (TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{file}, row {number}: not a request ({error})") from None
    if not all(isinstance(row[name], int) for name in _NUMBERS):
        raise StoreError(f"{file}, row {number}: a number is not there")
    if not isinstance(row["raw"], str) or not is_reply(row["raw"]):
        raise StoreError(f"{file}, row {number}: holds no reply")
    if request.key != row["key"]:
        raise StoreError(f"{file}, row {number}: the key is not that of the request")
    return row_of(request, row["raw"], tokens, row["created"])
