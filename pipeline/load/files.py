"""Source files: which files a source names, and the raw rows they hold, streamed."""

import glob
import gzip
import hashlib
import io
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from ..slice.joining import SPACES
from .array import BrokenArrayError, array_elements
from .rejects import Reject

SUFFIXES = (".jsonl", ".json", ".parquet")
PACKINGS = (".gz", ".zst")
HUB_NAMES = ("ultrachat", "ultrachat_200k")
SAMPLE = "sample"
_BOM = b"\xef\xbb\xbf"
_PARQUET_ROWS = 512


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as its file holds it.

    Attributes:
        row: its number in the file, from 1; blank lines are no rows.
        line: its line in a file of lines, from 1.
        value: what it holds, or the reason why it cannot be read.
    """

    row: int
    line: int | None
    value: Any | Reject


@dataclass(slots=True)
class Meter:
    """Tells how far a file is read.

    Attributes:
        position: gives how many of its bytes are, as they lie on disk.
    """

    position: Callable[[], int] = int


def source_files(source: str) -> list[Path]:
    """The files that a source names, in a fixed order.

    Args:
        source: `sample`, a file, a folder (read to its depth), or a glob.

    Raises:
        SourceError: there is no such file, or nothing in it that can be read.
    """
    if source == SAMPLE:
        from . import sample

        # An installed package is a folder; as_file then gives the file itself.
        with as_file(files(sample) / "sample.jsonl") as place:
            return [place]
    path = Path(source)
    try:
        found = _found(source, path)
    except OSError as error:
        raise SourceError(f"cannot look for the source {source}: {error.strerror}") from error
    readable = [one for one in found if one.is_file() and stem_of(one) is not None]
    if found and not readable:
        raise SourceError(
            f"cannot read {source}: a source file ends in {', '.join(SUFFIXES)} "
            f"(and {' or '.join(PACKINGS)} after it, if it is packed)"
        )
    if not readable:
        raise SourceError(_not_found(source, path))
    for one in readable:
        try:
            str(one).encode()
        except UnicodeEncodeError:
            raise SourceError(f"the name of {str(one)!r} is not UTF-8: rename it") from None
    return readable


def _found(source: str, path: Path) -> list[Path]:
    """The files under a folder, the file, or those that a glob matches."""
    if (path / "manifest.json").is_file() and (path / "data").is_dir():
        path = path / "data"  # a run's folder: its rows, not what stands beside them
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if not _hidden(one.relative_to(path)))
    if path.is_file():
        return [path]
    # Path.glob takes no absolute pattern.
    return sorted(map(Path, glob.glob(source, recursive=True)))  # noqa: PTH207


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _not_found(source: str, path: Path) -> str:
    if path.is_dir():
        return f"the folder {source} holds no file that ends in {', '.join(SUFFIXES)}"
    like_hub = source.count("/") == 1 and stem_of(path) is None and not path.parent.is_dir()
    if source in HUB_NAMES or like_hub:
        return (
            f"the source {source} lies on the Hugging Face Hub, which this version does not read: "
            "download its files and name their folder, or try --source sample"
        )
    return (
        f"no source {source}: name a file, a folder or a glob that exists, or try --source sample"
    )


def shown_files(source: str) -> list[str]:
    """What the files of a source are called on screen and in a manifest."""
    return [SAMPLE] if source == SAMPLE else list(map(str, source_files(source)))


def stem_of(file: Path) -> str | None:
    """The file's name without extensions, or None if it is no source file."""
    name = _unpacked_name(file)
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return None


def _unpacked_name(file: Path) -> str:
    for packing in PACKINGS:
        if file.name.endswith(packing):
            return file.name.removesuffix(packing)
    return file.name


def file_digest(file: Path) -> str:
    """The sha256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def raw_rows(file: Path, columns: Collection[str], meter: Meter | None = None) -> Iterator[RawRow]:
    """The rows of a source file, streamed.

    Args:
        file: one of `source_files`.
        columns: which columns of a Parquet file are read, if it has them.
        meter: is set to tell how far it is.

    Raises:
        SourceError: the file (not a row of it) is broken.
    """
    meter = meter or Meter()
    try:
        with _open(file, meter) as stream:
            if _unpacked_name(file).endswith(".parquet"):
                yield from _parquet_rows(stream, columns, meter, file.stat().st_size)
                return
            # Many files called .json hold a row a line; many called .jsonl are trusted to.
            if _unpacked_name(file).endswith(".json") and _first_byte(stream) == b"[":
                yield from _array_rows(file, stream)
            else:
                yield from _line_rows(stream)
    except (OSError, EOFError, OverflowError, zlib.error, pa.ArrowException) as error:
        raise SourceError(f"cannot read {file}: {error}") from error


def _open(file: Path, meter: Meter) -> io.BufferedReader:
    if file.name.endswith(".gz"):
        unpacking = gzip.open(file, "rb")  # noqa: SIM115  # closed by its caller
        meter.position = cast(Any, unpacking).fileobj.tell
        return io.BufferedReader(cast(Any, unpacking), 1 << 20)
    if file.name.endswith(".zst"):
        packed = pa.OSFile(str(file))
        meter.position = packed.tell
        return io.BufferedReader(pa.CompressedInputStream(packed, "zstd"), 1 << 20)
    plain = io.FileIO(file)
    meter.position = plain.tell
    return io.BufferedReader(plain, 1 << 20)


def _first_byte(stream: io.BufferedReader) -> bytes:
    return stream.peek(1 << 16).removeprefix(_BOM).lstrip()[:1]


def _line_rows(stream: BinaryIO) -> Iterator[RawRow]:
    r"""A row a line. Lines end in `\n` alone: U+2028 and its like occur inside rows."""
    row = 0
    for line, data in enumerate(stream, start=1):
        text = data.removeprefix(_BOM).strip() if line == 1 else data.strip()
        if text:
            row += 1
            yield RawRow(row, line, _parse(text))


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


def _array_rows(file: Path, stream: BinaryIO) -> Iterator[RawRow]:
    row = 0
    try:
        for row, element in enumerate(array_elements(stream), start=1):
            yield RawRow(row, None, _parse(element))
    except BrokenArrayError as error:
        raise SourceError(f"{file} is no JSON array: after row {row} {error}") from error


def _parquet_rows(
    stream: io.BufferedReader, columns: Collection[str], meter: Meter, size: int
) -> Iterator[RawRow]:
    row = 0
    with ExitStack() as opened:
        if not isinstance(stream.raw, io.FileIO):
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
                yield RawRow(row, None, value if wanted else dict.fromkeys(names))


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


def first_rows(file: Path, columns: Collection[str], count: int) -> list[Any]:
    """What the first readable rows of a file hold."""
    readable = (row.value for row in raw_rows(file, columns) if not isinstance(row.value, Reject))
    return list(islice(readable, count))
