"""Rows to be looked at: a run's folder, a Parquet file, or JSONL, a batch at a time.

Whatever the file, a batch has the columns that were asked for, in the contract's types;
a column that the file does not hold is null. Memory is flat: a batch in, a batch out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FolderError
from ..export.columns import MESSAGE, UTTERANCE
from .jsonl import first_row, read_lines, released_name

BATCH_ROWS = 256

COLUMNS: Mapping[str, pa.DataType] = {
    "id": pa.string(),
    "type": pa.string(),
    "language": pa.string(),
    "output": pa.list_(MESSAGE),
    "messages": pa.list_(MESSAGE),
    "states": pa.list_(pa.string()),
    "utterances": pa.list_(UTTERANCE),
    "source_ids": pa.list_(pa.string()),
    "generator": pa.string(),
}
"""Every column of a row in either format, and its type."""

RowFormat = Literal["tdm", "duo"]

_BESIDE = ("rejected.parquet", "left_out.parquet")
_WHAT = "give a run's folder, a .parquet file, or .jsonl or .jsonl.gz in the released layout"


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows.

    Attributes:
        path: the file.
        format: `tdm`, rows of slices in `output`, or `duo`, turns in `messages`.
        released: whether the rows have no `utterances`, as in the released layout.
        rows: how many there are; None for JSONL, which does not say.
        columns: those of `COLUMNS` that the file holds.
    """

    path: Path
    format: RowFormat
    released: bool
    rows: int | None
    columns: tuple[str, ...]

    @property
    def _jsonl(self) -> bool:
        return self.path.suffix != ".parquet"


def open_rows(path: Path) -> tuple[RowFile, ...]:
    """The files of rows at a path, all of one format; nothing but their heads is read.

    Raises:
        FolderError: there is nothing there, it holds no rows, or rows of two formats.
    """
    files = tuple(_open_file(one) for one in _row_files(path))
    formats = {one.format for one in files}
    if len(formats) > 1:
        raise FolderError(f"{path} holds rows of both formats, tdm and duo: give one file")
    return files


def read_batches(
    file: RowFile, columns: Sequence[str] = tuple(COLUMNS), batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The rows of a file in order, with these columns of `COLUMNS`.

    A row of the released layout gets an id, `<file name without extensions>:#<row, from 1>`,
    and the type and language that the file's name says, if it is named as released.

    Raises:
        FolderError: the file cannot be read to its end, or a column has another type.
    """
    if file._jsonl:  # noqa: SLF001  # of this module
        yield from _read_jsonl(file, columns, batch_rows)
        return
    held = [name for name in columns if name in file.columns]
    done = 0
    with _told(file.path), pq.ParquetFile(file.path) as opened:
        if not held:
            yield from _numbered(file, columns, opened.metadata.num_rows, batch_rows)
            return
        for batch in opened.iter_batches(batch_size=batch_rows, columns=held):
            numbers = range(done + 1, done + batch.num_rows + 1)
            yield _completed(file, batch, columns, numbers)
            done += batch.num_rows


def read_places(file: RowFile, places: Iterable[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows at these places (from 0, each once), in order, each with its place.

    Raises:
        FolderError: the file cannot be read.
    """
    wanted = sorted(places)
    if file._jsonl:  # noqa: SLF001  # of this module
        yield from _jsonl_places(file, wanted)
        return
    held = [name for name in COLUMNS if name in file.columns]
    with _told(file.path), pq.ParquetFile(file.path) as opened:
        groups = [opened.metadata.row_group(n).num_rows for n in range(opened.num_row_groups)]
        ends = np.cumsum(groups)
        for group in range(len(groups)):
            begin = int(ends[group]) - groups[group]
            here = [place for place in wanted if begin <= place < ends[group]]
            if not here:
                continue
            done = begin
            # A row group can hold a whole block: it is gone through a batch at a time.
            for batch in opened.iter_batches(BATCH_ROWS, row_groups=[group], columns=held):
                for place in here:
                    if done <= place < done + batch.num_rows:
                        one = batch.slice(place - done, 1)
                        full = _completed(file, one, tuple(COLUMNS), range(place + 1, place + 2))
                        yield place, full.to_pylist()[0]
                done += batch.num_rows
                if done > here[-1]:
                    break


def _row_files(path: Path) -> list[Path]:
    if path.is_file():
        if not _is_rows(path):
            raise FolderError(f"{path} is no file of rows: {_WHAT}")
        return [path]
    if not path.is_dir():
        raise FolderError(f"there is no {path}: {_WHAT}")
    inner = path / "data" if (path / "data").is_dir() else path
    found = sorted(one for one in inner.iterdir() if _is_rows(one) and one.name not in _BESIDE)
    if not found:
        raise FolderError(f"{inner} holds no rows: {_WHAT}")
    return found


def _is_rows(path: Path) -> bool:
    return path.name.endswith((".parquet", ".jsonl", ".jsonl.gz"))


def _open_file(path: Path) -> RowFile:
    rows: int | None = None
    with _told(path):
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as opened:
                names = opened.schema_arrow.names
                rows = opened.metadata.num_rows
        else:
            names = [name for name, value in first_row(path).items() if value is not None]
    if "output" not in names and "messages" not in names:
        has = ", ".join(names[:8]) or "nothing"
        raise FolderError(f"{path} has no column output or messages (it has {has}): {_WHAT}")
    return RowFile(
        path,
        format="tdm" if "output" in names else "duo",
        released="utterances" not in names,
        rows=rows,
        columns=tuple(name for name in COLUMNS if name in names),
    )


def _read_jsonl(file: RowFile, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    # Of a released row only the lists are taken: what else it may hold is not known.
    given = ("output", "messages") if file.released else file.columns
    held = [name for name in columns if name in given and name in file.columns]
    schema = pa.schema([(name, COLUMNS[name]) for name in held])
    with _told(file.path):
        for batch, numbers in read_lines(file.path, schema, batch_rows):
            yield _completed(file, batch, columns, numbers)


def _jsonl_places(file: RowFile, wanted: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    held = ("output", "messages") if file.released else file.columns
    schema = pa.schema([(name, COLUMNS[name]) for name in held if name in file.columns])
    with _told(file.path):
        for batch, numbers in read_lines(file.path, schema, 1, {place + 1 for place in wanted}):
            full = _completed(file, batch, tuple(COLUMNS), numbers)
            yield numbers[0] - 1, full.to_pylist()[0]


def _numbered(
    file: RowFile, columns: Sequence[str], rows: int, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Batches of columns of which the file holds none."""
    for begin in range(0, rows, batch_rows):
        numbers = range(begin + 1, min(rows, begin + batch_rows) + 1)
        yield _completed(file, None, columns, numbers)


def _completed(
    file: RowFile, batch: pa.RecordBatch | None, columns: Sequence[str], numbers: Sequence[int]
) -> pa.RecordBatch:
    """The columns that were asked for, in their types; those that are not there are made."""
    type_name, language = released_name(file.path) if file.released else (None, None)
    made: dict[str, Any] = {"type": type_name, "language": language}
    arrays = []
    for name in columns:
        wanted = COLUMNS[name]
        if batch is not None and name in batch.schema.names:
            held = batch.column(name)
            try:
                arrays.append(held if held.type == wanted else held.cast(wanted))
            except (pa.ArrowException, TypeError) as error:
                message = f"{file.path}: column {name} is {held.type}, not {wanted}"
                raise FolderError(f"{message}; {_WHAT}") from error
        elif name == "id":
            stem = file.path.name.split(".", 1)[0]
            arrays.append(pa.array([f"{stem}:#{number}" for number in numbers], wanted))
        else:
            arrays.append(pa.array([made.get(name)] * len(numbers), wanted))
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what a reader raises into an error that names the file."""
    try:
        yield
    except (OSError, EOFError, pa.ArrowException) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise FolderError(f"{path} cannot be read: {said}; is it whole?") from error
