"""Rows of a dataset, read with care: from Parquet or JSONL, of ours or of the released layout.

Nothing raises on a row: what cannot be read as a row is a `Malformed`, with the reason.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FolderError
from .arrow import BATCH_ROWS, columns_of, fast_batch, schema_fault
from .nouns import MESSAGE_COLUMNS, Malformed, Row, Utterance

_OWN = ("id", "type", "language", "source_ids", "utterances", "generator")
_TOO_WIDE = 2**31
_UTTERANCE_TYPES: dict[str, tuple[type, ...]] = {
    "role": (str,),
    "state": (str, type(None)),
    "start": (int,),
    "slices": (int, type(None)),
    "over": (bool,),
    "kind": (str,),
    "origin": (str,),
    "unheard": (str,),
}


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows, opened.

    Attributes:
        path: the file.
        rows: how many rows it holds, if it says so.
        fault: what is wrong with its schema, as (expected, found), or None.
        extra: columns that the contract does not know.
    """

    path: Path
    rows: int | None
    fault: tuple[str, str] | None
    extra: tuple[str, ...] = ()


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
        one for one in inner.iterdir() if _is_rows(one) and one.name != "rejected.parquet"
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
        released = not held & set(_OWN) and held & set(MESSAGE_COLUMNS.values())
        fault = None if released else schema_fault(schema)
        extra = () if released else columns_of(schema)
        return RowFile(path, file.metadata.num_rows, fault, extra)


def read_rows(file: RowFile) -> Iterator[list[Row | Malformed]]:
    """The rows of a file in order, a batch at a time; a row's number counts from 1.

    Raises:
        FolderError: the file cannot be read to its end.
    """
    with _told(file.path):
        if file.path.suffix == ".parquet":
            yield from _read_parquet(file)
        else:
            yield from _read_jsonl(file.path)


def row_from_json(record: Any, number: int) -> Row | Malformed:
    """A row from a JSON value of any shape."""
    if not isinstance(record, dict):
        return Malformed(number, None, "a row that is an object", type(record).__name__)
    named = record.get("id")
    row_id = named if isinstance(named, str) else None
    held = [name for name, column in MESSAGE_COLUMNS.items() if column in record]
    if len(held) != 1:
        keys = ", ".join(map(str, record)) or "none"
        return Malformed(number, row_id, "a row with either output or messages", f"keys {keys}")
    column = MESSAGE_COLUMNS[held[0]]
    fault = _messages_fault(record[column], column)
    if fault:
        return Malformed(number, row_id, *fault)
    roles = [one["role"] for one in record[column]]
    contents = [one["content"] for one in record[column]]
    if not any(name in record for name in _OWN if name not in ("id", "type", "language")):
        return _released(record, number, row_id, held[0], roles, contents)
    fault = _own_fault(record, held[0])
    if fault:
        return Malformed(number, row_id, *fault)
    return Row(
        number=number,
        format=held[0],
        id=record["id"],
        type=record["type"],
        language=record["language"],
        roles=roles,
        contents=contents,
        states=record["states"] if held[0] == "duo" else None,
        utterances=[
            Utterance(**{name: one[name] for name in _UTTERANCE_TYPES})
            for one in record["utterances"]
        ],
        source_ids=record["source_ids"],
        generator=record["generator"],
    )


def _released(
    record: dict[str, Any],
    number: int,
    row_id: str | None,
    row_format: str,
    roles: list[str],
    contents: list[str],
) -> Row:
    """A row of the released layout: messages, and perhaps a name, type or language."""
    named = {
        name: record[name] if isinstance(record.get(name), str) else None
        for name in ("type", "language")
    }
    states = record.get("states")
    return Row(
        number=number,
        format=row_format,
        id=row_id,
        type=named["type"],
        language=named["language"],
        roles=roles,
        contents=contents,
        states=states if isinstance(states, list) else None,
        utterances=None,
        source_ids=(),
        generator=None,
    )


def _messages_fault(messages: Any, column: str) -> tuple[str, str] | None:
    """What keeps a value from being a list of messages, as (expected, found)."""
    if not isinstance(messages, list):
        return f"{column}: a list of messages", _kind_of(messages)
    for index, one in enumerate(messages):
        if not isinstance(one, dict):
            return f"{column}[{index}]: role and content", _kind_of(one)
        for name in ("role", "content"):
            if not isinstance(one.get(name), str):
                return f"{column}[{index}].{name}: a string", _kind_of(one.get(name))
    return None


def _own_fault(record: dict[str, Any], row_format: str) -> tuple[str, str] | None:
    """What keeps the other columns from being those of the contract."""
    for name in ("id", "type", "language", "generator"):
        if not isinstance(record.get(name), str):
            return f"{name}: a string", _kind_of(record.get(name))
    for name in ("source_ids", "utterances", *(["states"] if row_format == "duo" else [])):
        if not isinstance(record.get(name), list):
            return f"{name}: a list", _kind_of(record.get(name))
    for index, one in enumerate(record["source_ids"]):
        if not isinstance(one, str):
            return f"source_ids[{index}]: a string", _kind_of(one)
    for index, one in enumerate(record.get("states") or ()):
        if one is not None and not isinstance(one, str):
            return f"states[{index}]: a string or null", _kind_of(one)
    for index, one in enumerate(record["utterances"]):
        if not isinstance(one, dict):
            return f"utterances[{index}]: an object", _kind_of(one)
        for name, allowed in _UTTERANCE_TYPES.items():
            value = one.get(name)
            if name not in one or type(value) not in allowed:
                wanted = " or ".join(_NAMES[kind] for kind in allowed)
                return f"utterances[{index}].{name}: {wanted}", _kind_of(value)
            if type(value) is int and not 0 <= value < _TOO_WIDE:
                return f"utterances[{index}].{name}: 0 or more, 32 bits", str(value)
    return None


_NAMES = {str: "a string", int: "a number", bool: "true or false", type(None): "null"}


def _kind_of(value: Any) -> str:
    return "nothing (missing or null)" if value is None else type(value).__name__


def _read_parquet(file: RowFile) -> Iterator[list[Row | Malformed]]:
    done = 0
    with pq.ParquetFile(file.path) as opened:
        for batch in opened.iter_batches(batch_size=BATCH_ROWS):
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
            raise FolderError(
                f"{self.path} cannot be read: {str(error).splitlines()[0] if str(error) else error}; "
                "is it whole?"
            ) from error
