"""Rows of a dataset, read with care: from Parquet or JSONL, of ours or of the released layout.

Nothing raises on a row: what cannot be read as a row is a `Malformed`, with the reason.
"""

import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FolderError
from .arrow import BATCH_ROWS, columns_of, fast_batch, schema_fault
from .careful import COLUMNS_OF_OURS, row_from_json
from .nouns import MESSAGE_COLUMNS, Malformed, Row

_SPACES = b"duplexdata.spaces"
"""The key in a Parquet file's metadata under which it says what stands between slices."""


_THREADS = False
"""Of those that decode columns one has nearly all to do, and the others double what it costs."""


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows, opened.

    Attributes:
        path: the file.
        rows: how many rows it holds, if it says so.
        groups: how many rows each of its row groups holds, if it has any.
        fault: what is wrong with its schema, as (expected, found), or None.
        extra: columns that the contract does not know.
        released: whether it is Parquet of the released layout.
        spaces: what stands between user slices where it is not the usual, by row id and the
            number of the utterance; None where the file does not say.
    """

    path: Path
    rows: int | None
    fault: tuple[str, str] | None
    extra: tuple[str, ...] = ()
    released: bool = False
    spaces: Mapping[str, Any] | None = None
    groups: tuple[int, ...] | None = None


def find_row_files(path: Path) -> list[Path]:
    """The files of rows at a path: a run's folder, a folder of files, or a file.

    Raises:
        FolderError: there is nothing there, or nothing that holds rows.
    """
    if path.is_file():
        if not _is_rows(path):
            raise FolderError(f"{path} is no file of rows: give .parquet, .jsonl or .jsonl.gz")
        return [path]
    if not path.is_dir():
        raise FolderError(f"there is no {path}: give a run's folder, or a .parquet or .jsonl file")
    inner = path / "data" if (path / "data").is_dir() else path
    found = sorted(
        one
        for one in inner.iterdir()
        if _is_rows(one) and one.name not in ("rejected.parquet", "left_out.parquet")
    )
    if not found:
        raise FolderError(
            f"{inner} holds no rows (.parquet, .jsonl, .jsonl.gz): give a finished run's folder"
        )
    return found


def open_rows(path: Path) -> RowFile:
    """Looks at a file of rows without reading them.

    Raises:
        FolderError: the file cannot be read.
    """
    if path.suffix != ".parquet":
        return RowFile(path, None, None)
    with _told(path), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        held = set(schema.names)
        released = not held & set(COLUMNS_OF_OURS) and held & set(MESSAGE_COLUMNS.values())
        fault = None if released else schema_fault(schema)
        extra = () if released else columns_of(schema)
        of_file = file.metadata
        groups = tuple(of_file.row_group(one).num_rows for one in range(of_file.num_row_groups))
        spaces = _spaces(file)
        return RowFile(path, of_file.num_rows, fault, extra, bool(released), spaces, groups)


def _spaces(file: pq.ParquetFile) -> Mapping[str, Any] | None:
    note = (file.metadata.metadata or {}).get(_SPACES)
    try:
        spaces = orjson.loads(note) if note else None
    except orjson.JSONDecodeError:
        return None
    return spaces if isinstance(spaces, dict) else None


def read_rows(
    file: RowFile, groups: Sequence[int] | None = None, before: int = 0
) -> Iterator[list[Row | Malformed]]:
    """The rows of a file in order, a batch at a time; a row's number counts from 1.

    Args:
        file: the file.
        groups: the row groups that are read, where it has such; by default all.
        before: how many rows of the file come before these.

    Raises:
        FolderError: the file cannot be read to its end.
    """
    with _told(file.path):
        if file.path.suffix == ".parquet":
            yield from _read_parquet(file, groups, before)
        else:
            yield from _read_jsonl(file.path)


def read_source_ids(file: RowFile, groups: Sequence[int] | None = None) -> Iterator[Sequence[str]]:
    """What each row of a file is made of, in order, without what is said in it.

    Args:
        file: the file.
        groups: see `read_rows`.

    Raises:
        FolderError: the file cannot be read to its end.
    """
    if file.path.suffix == ".parquet" and not file.fault and not file.released:
        with _told(file.path), pq.ParquetFile(file.path) as opened:
            for batch in opened.iter_batches(
                BATCH_ROWS, groups, ["source_ids"], use_threads=_THREADS
            ):
                for named in batch.column("source_ids").to_pylist():
                    yield [one for one in named or () if one is not None]
        return
    for rows in read_rows(file, groups):
        for row in rows:
            yield row.source_ids if isinstance(row, Row) else ()


def _read_parquet(
    file: RowFile, groups: Sequence[int] | None, before: int
) -> Iterator[list[Row | Malformed]]:
    done = before
    with pq.ParquetFile(file.path) as opened:
        for batch in opened.iter_batches(BATCH_ROWS, groups, use_threads=_THREADS):
            fast = None if file.fault else fast_batch(batch, done)
            if fast is None:
                # Odd types or nulls where none may be: row by row, each told its fault.
                fast = [
                    row_from_json(record, done + index)
                    for index, record in enumerate(batch.to_pylist(), 1)
                ]
            yield fast
            done += batch.num_rows


def _read_jsonl(path: Path) -> Iterator[list[Row | Malformed]]:
    opened: BinaryIO
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as opened:  # type: ignore[assignment]
        batch: list[Row | Malformed] = []
        number = 0
        for line in opened:  # parts at \n alone
            if not line.strip():
                continue
            number += 1
            try:
                batch.append(
                    row_from_json(orjson.loads(line.removeprefix(b"\xef\xbb\xbf")), number)
                )
            except orjson.JSONDecodeError as error:
                batch.append(Malformed(number, None, "a line of JSON", str(error)))
            if len(batch) == BATCH_ROWS:
                yield batch
                batch = []
        if batch:
            yield batch


def _is_rows(path: Path) -> bool:
    return path.name.endswith((".parquet", ".jsonl", ".jsonl.gz"))


class _told:  # noqa: N801  # a context manager, used as a word
    """Turns what a reader raises into a FolderError that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (OSError, EOFError, pa.ArrowException)):
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise FolderError(f"{self.path} cannot be read: {said}; is it whole?") from error
