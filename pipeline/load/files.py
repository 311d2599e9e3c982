"""The raw rows that a source file holds, streamed."""

import gzip
import io
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..slice.joining import SPACES
from .array import BrokenArrayError, array_elements
from .raw_file import LocalFile, RawFile, unpacked_name
from .rejects import Reject

_BOM = b"\xef\xbb\xbf"
_BUFFER = 1 << 20
_PARQUET_ROWS = 512


RawRow = tuple[int, int | None, Any | Reject]
"""A row as its file holds it: its number in the file, from 1 (blank lines are no rows), its line in
a file of lines, and what it holds, or the reason why it cannot be read."""


@dataclass(slots=True)
class Meter:
    """Tells how far a file is read.

    Attributes:
        position: gives how many of its bytes are, as they are kept.
    """

    position: Callable[[], int] = int


def raw_rows(
    file: RawFile, columns: Collection[str], meter: Meter | None = None
) -> Iterator[RawRow]:
    """The rows of a source file, streamed.

    Args:
        file: one of `source_files`.
        columns: which columns of a Parquet file are read, if it has them.
        meter: is set to tell how far it is.

    Raises:
        SourceError: the file (not a row of it) is broken.
    """
    meter = meter or Meter()
    name = unpacked_name(file.name)
    try:
        with _open(file, meter) as stream:
            if name.endswith(".parquet"):
                packed = name != file.name
                yield from _parquet_rows(stream, columns, meter, file.size, packed=packed)
                return
            # Many files called .json hold a row a line; many called .jsonl are trusted to.
            if name.endswith(".json") and _first_byte(stream) == b"[":
                yield from _array_rows(file, stream)
            else:
                yield from _line_rows(stream)
    except (OSError, EOFError, OverflowError, zlib.error, pa.ArrowException) as error:
        raise SourceError(f"cannot read {file.shown}: {error}") from error


def _open(file: RawFile, meter: Meter) -> "io.BufferedReader[Any]":
    """What a file holds, unpacked."""
    if file.name.endswith(".zst") and isinstance(file, LocalFile):
        packed = pa.OSFile(str(file.path))
        meter.position = packed.tell
        return io.BufferedReader(pa.CompressedInputStream(packed, "zstd"), _BUFFER)
    raw = file.open(seekable=file.name.endswith(".parquet"))
    meter.position = raw.tell
    stream: io.BufferedReader[Any] = io.BufferedReader(raw, _BUFFER)
    if file.name.endswith(".gz"):
        return io.BufferedReader(cast(Any, _Gzip(stream)), _BUFFER)
    if file.name.endswith(".zst"):
        return io.BufferedReader(pa.input_stream(stream, compression="zstd"), _BUFFER)
    return stream


class _Gzip(gzip.GzipFile):
    """A packed stream that is closed with what it is read from."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(fileobj=stream, mode="rb")
        self._packed = stream

    def close(self) -> None:
        """Closes both."""
        super().close()
        self._packed.close()


def _first_byte(stream: io.BufferedReader) -> bytes:
    return stream.peek(1 << 16).removeprefix(_BOM).lstrip()[:1]


def _line_rows(stream: BinaryIO) -> Iterator[RawRow]:
    r"""A row a line. Lines end in `\n` alone: U+2028 and its like occur inside rows."""
    row = 0
    for line, data in enumerate(stream, start=1):
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            text = data.removeprefix(_BOM).strip() if line == 1 else data.strip()
            if not text:
                continue
            value = _parse(text)
        row += 1
        yield row, line, value


def _parse(line: bytes) -> Any | Reject:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        pass
    # What orjson refuses may be NaN or half a surrogate pair in a field that nobody
    # reads; the standard library takes these, and the reason is found where it is.
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Reject("not_utf8", f"byte {error.start}: 0x{line[error.start]:02x}")
    except (ValueError, RecursionError) as error:
        return Reject("not_json", str(error))


def _array_rows(file: RawFile, stream: BinaryIO) -> Iterator[RawRow]:
    row = 0
    try:
        for row, element in enumerate(array_elements(stream), start=1):
            yield row, None, _parse(element)
    except BrokenArrayError as error:
        raise SourceError(f"{file.shown} is no JSON array: after row {row} {error}") from error


def _parquet_rows(
    stream: io.BufferedReader, columns: Collection[str], meter: Meter, size: int, *, packed: bool
) -> Iterator[RawRow]:
    row = 0
    with ExitStack() as opened:
        if packed:
            # Parquet is read from its end, so a packed file is unpacked first.
            unpacked = opened.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(stream, unpacked)
            parquet = opened.enter_context(pq.ParquetFile(unpacked))
        else:
            parquet = opened.enter_context(pq.ParquetFile(stream))
        rows = parquet.metadata.num_rows
        # Its end is read first, and then columns here and there: so by rows.
        meter.position = lambda: size * row // max(1, rows)
        names = parquet.schema_arrow.names
        wanted = [name for name in names if name in columns]
        spaces = _spaces(parquet)
        # Where no column is known, a row is rejected by the names of all of them.
        for batch in parquet.iter_batches(_PARQUET_ROWS, columns=wanted or names[:1]):
            for value in _batch_values(batch):
                row += 1
                if spaces is not None and isinstance(value, dict):
                    value["spaces"] = spaces.get(str(value.get("id")), {})
                yield row, None, value if wanted else dict.fromkeys(names)


def _spaces(parquet: pq.ParquetFile) -> dict[str, Any] | None:
    """What stands between the slices of each row, by its id, where the file says so."""
    note = (parquet.metadata.metadata or {}).get(SPACES)
    try:
        spaces = orjson.loads(note) if note else None
    except orjson.JSONDecodeError:
        return None
    return spaces if isinstance(spaces, dict) else None


def _batch_values(batch: pa.RecordBatch) -> Iterator[Any | Reject]:
    try:
        values = batch.to_pylist()
    except UnicodeDecodeError:
        values = None  # a text in it is not UTF-8: find out which
    if values is not None:
        yield from values
        return
    for position in range(batch.num_rows):
        try:
            yield batch.slice(position, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield Reject("not_utf8", f"byte {error.start} of a text")


def first_rows(file: RawFile, columns: Collection[str], count: int) -> list[Any]:
    """What the first readable rows of a file hold."""
    readable = (held for _, _, held in raw_rows(file, columns) if not isinstance(held, Reject))
    return list(islice(readable, count))
