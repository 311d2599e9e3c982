"""JSONL of rows, a batch of lines at a time; a faulty line is named by its number."""

import gzip
import io
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.json as pj

from ..errors import FolderError

_BOM = b"\xef\xbb\xbf"
_RELEASED = re.compile(r"(?P<type>[a-z]+(?:_[a-z]+)*)_(?P<language>eng|chn)")
_LANGUAGES = {"eng": "en", "chn": "zh"}


def released_name(path: Path) -> tuple[str | None, str | None]:
    """The type and language that a file is named by, as in `regeneration_eng.jsonl`."""
    named = _RELEASED.fullmatch(path.name.split(".", 1)[0])
    return (named["type"], _LANGUAGES[named["language"]]) if named else (None, None)


def first_row(path: Path) -> dict[str, Any]:
    """The first row of a file.

    Raises:
        FolderError: it has none, or the line is no JSON object.
    """
    for number, line in _lines(path):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _fault(path, number, str(error)) from error
        if not isinstance(row, dict):
            raise _fault(path, number, "a row is a JSON object")
        return row
    raise FolderError(f"{path} holds no rows: it is empty")


def read_lines(
    path: Path, schema: pa.Schema, batch_rows: int, only: Container[int] | None = None
) -> Iterator[tuple[pa.RecordBatch, list[int]]]:
    """Batches of rows with the columns of a schema, and the number of each row, from 1.

    Args:
        path: the file; `.gz` is unpacked.
        schema: the columns that are read; others are passed over.
        batch_rows: rows a batch, at most.
        only: the numbers of the rows that are read; all, if None.

    Raises:
        FolderError: a line is not a row.
    """
    lines: list[bytes] = []
    places: list[int] = []
    numbers: list[int] = []
    for number, (place, line) in enumerate(_lines(path), start=1):
        if only is not None and number not in only:
            continue
        if schema.names:  # else they are only counted
            lines.append(line)
        places.append(place)
        numbers.append(number)
        if len(numbers) == batch_rows:
            yield _parsed(path, schema, lines, places), numbers
            lines, places, numbers = [], [], []
    if numbers:
        yield _parsed(path, schema, lines, places), numbers


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, each with its number; parted at line feeds alone."""
    opened: BinaryIO
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as opened:  # type: ignore[assignment]
        for number, line in enumerate(opened, start=1):
            bare = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
            if bare:
                yield number, bare


def _parsed(path: Path, schema: pa.Schema, lines: list[bytes], places: list[int]) -> pa.RecordBatch:
    if not schema.names:
        return pa.RecordBatch.from_pylist([{}] * len(places), schema)
    try:
        return _parse(schema, lines)
    except pa.ArrowException as error:
        if len(lines) == 1:
            said = (str(error).splitlines() or ["no row"])[0].replace(" in row 0", "")
            raise _fault(path, places[0], said) from error
        # Which of them it is, is found by reading them one by one.
        for line, place in zip(lines, places, strict=True):
            _parsed(path, schema, [line], [place])
        raise


def _parse(schema: pa.Schema, lines: list[bytes]) -> pa.RecordBatch:
    data = b"\n".join(lines)
    table = pj.read_json(
        io.BytesIO(data),
        # One block: a batch is small, and no row may straddle two blocks.
        read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    if table.num_rows != len(lines):
        raise pa.ArrowInvalid(f"{table.num_rows} rows on {len(lines)} lines")
    return table.combine_chunks().to_batches()[0]


def _fault(path: Path, number: int, said: str) -> FolderError:
    return FolderError(f"{path}, line {number}: {said}; is it JSONL of rows?")
