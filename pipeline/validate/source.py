"""An own reader of source files: what each row of them is, before any layout.

Files are split at line feeds alone; a row counts if its line holds more than white space.
"""

import codecs
import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from importlib.resources import files
from itertools import chain, count
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError

_KINDS = (".jsonl", ".json", ".parquet")
_PACKED = (".gz", ".zst")
_CHUNK = 1 << 20
_PARQUET_ROWS = 512
_NUMBERED = re.compile(r"#\d+")
_HAN = re.compile("[\u4e00-\u9fff]")
_HAN_OF_ANY_KIND = re.compile("[々〇〡-〩\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_NO_SPACE = re.compile(r"\S")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how bytes are told that are not
_PARTS = re.compile(r"[\[\]{},]|\"(?:[^\"\\]|\\.)*+\"?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of source rows.

    Attributes:
        path: where it is.
        said: what it is called in rejected.parquet and a manifest.
        name: the first part of its rows' source ids: its stem or repository, and of several
            that would be called the same `~2` after that of the second, `~3` after the third's.
    """

    path: Path
    said: str
    name: str


class Unreadable:
    """Stands where a line holds no JSON, or not UTF-8."""


Copies = Mapping[str, Sequence[tuple[str, str, Path]]]
"""Sources that lie elsewhere, as copies here: for each file its repository, what the build
called it, and where the copy is."""


def find_source_files(sources: Sequence[str], copies: Copies | None = None) -> list[SourceFile]:
    """The files of the sources, in the order in which a build reads them.

    Args:
        sources: `sample`, files, folders or globs, or names of which there are copies.
        copies: see `Copies`.

    Raises:
        SourceError: one of them is none of these, or holds no file that can be read.
    """
    found: list[SourceFile] = []
    names: set[str] = set()
    for one in sources:
        if one == "sample":
            place = files("duplexdata.pipeline.load.sample") / "sample.jsonl"
            found.append(SourceFile(Path(str(place)), "sample", _name("sample", names)))
            continue
        if copies and one in copies:
            called: dict[str, str] = {}  # a repository's files share one name
            for repository, said, copy in copies[one]:
                if repository not in called:
                    called[repository] = _name(repository, names)
                found.append(SourceFile(copy, said, called[repository]))
            continue
        path = Path(one)
        if (path / "manifest.json").is_file() and (path / "data").is_dir():
            path /= "data"  # of a run's folder a build reads the rows
        if path.is_file():
            paths = [path]
        elif path.is_dir():
            held = (one for one in path.rglob("*") if not _is_hidden(one.relative_to(path)))
            paths = sorted(one for one in held if one.is_file() and _is_source(one))
        else:
            matches = glob(one, recursive=True)  # noqa: PTH207  # a pattern may be absolute
            held = (Path(each) for each in matches)
            paths = sorted(each for each in held if each.is_file() and _is_source(each))
        if not paths or not all(map(_is_source, paths)):
            raise SourceError(
                f"--source {one}: validate compares with files: give sample, or a file, folder or "
                f"glob of {' '.join(_KINDS)}, plain or with {' or '.join(_PACKED)}"
            )
        found += [
            SourceFile(each, str(each), _name(_stem(each) or each.name, names)) for each in paths
        ]
    return found


def own_name(own: str) -> str | None:
    """What an own id is called in a source id; None where it reads as a row's number."""
    # Half a surrogate pair cannot be written.
    written = own.encode("utf-8", "backslashreplace").decode()
    return None if _NUMBERED.fullmatch(written) else written


def language_of(texts: Iterable[str]) -> str | None:
    """The language of texts: `zh` if they hold as many Han characters as words of other scripts.

    None where it depends on what is taken for a word or a Han character.
    """
    text = "\n".join(texts)
    if not _HAN_OF_ANY_KIND.search(text):  # then one letter tells, or that there is nothing
        if _LETTERS.search(text):
            return "en"
        return None if _NO_SPACE.search(text) else "zh"
    other = _HAN_OF_ANY_KIND.sub(" ", text)
    pieces = other.split()
    most = max(len(pieces), len(re.findall(r"\w+", other)))
    fewest = min(sum(1 for one in pieces if _LETTERS.search(one)), len(_LETTERS.findall(other)))
    if len(_HAN.findall(text)) >= most:
        return "zh"
    return "en" if len(_HAN_OF_ANY_KIND.findall(text)) < fewest else None


def read_records(file: SourceFile) -> Iterator[Any]:
    """The rows of a file as JSON values, in order; `Unreadable` for those that are none.

    Raises:
        SourceError: the file cannot be read.
    """
    with _told(file):
        if _plain_name(file.path).endswith(".parquet"):
            with (
                _opened(file.path) as binary,
                pq.ParquetFile(_seekable(file.path, binary)) as table,
            ):
                for batch in table.iter_batches(batch_size=_PARQUET_ROWS):
                    yield from batch.to_pylist()
            return
        with _opened(file.path) as binary:
            head = binary.peek(64)[:64].removeprefix(codecs.BOM_UTF8).lstrip()
            if _plain_name(file.path).endswith(".json") and head.startswith(b"["):
                yield from _array(binary)
            else:
                yield from _lines(binary)


def _lines(binary: "io.BufferedReader[Any]") -> Iterator[Any]:
    first = True
    for whole in binary:  # parts at \n alone
        line = whole.removeprefix(codecs.BOM_UTF8) if first else whole
        first = False
        if line.strip():
            yield _parsed(line)


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            # Python's reader takes what orjson does not: NaN, numbers of any size.
            return json.loads(line.decode())
        except (ValueError, RecursionError):  # it nests deeper than a reader goes
            return Unreadable()


def _array(binary: "io.BufferedReader[Any]") -> Iterator[Any]:
    """The elements of a JSON array, each parsed as soon as it is whole."""
    decoder = json.JSONDecoder()
    decode = codecs.getincrementaldecoder("utf-8-sig")(errors="surrogateescape")
    text, opened, ended = "", False, False
    while not ended or text.strip():
        position = 0
        while True:
            while position < len(text) and (text[position].isspace() or text[position] == ","):
                position += 1
            if not opened and position < len(text):
                opened, position = True, position + 1
                continue
            if position < len(text) and text[position] == "]":
                return
            value, end = _value_at(decoder, text, position)
            if end < 0 or (end == len(text) and not ended):
                break  # a number may go on in the next chunk
            yield value
            position = end
        text = text[position:]
        if ended:
            raise ValueError("the JSON array does not end")
        chunk = binary.read(max(_CHUNK, len(text)))
        ended = not chunk
        text += decode.decode(chunk, final=ended)


def _value_at(decoder: json.JSONDecoder, text: str, position: int) -> tuple[Any, int]:
    """The element that begins there, and where it ends: -1 if it is not whole.

    `Unreadable` if it is no JSON, or not UTF-8.
    """
    try:
        value, end = decoder.raw_decode(text, position)
    except (ValueError, RecursionError):  # as for a number too long, or what nests too deep
        return Unreadable(), _end_of(text, position)
    after = _NO_SPACE.search(text, end)
    if after and after[0] not in ",]":
        return Unreadable(), _end_of(text, position)
    return (Unreadable() if _NOT_UTF8.search(text, position, end) else value), end


def _end_of(text: str, position: int) -> int:
    """Where the JSON value that begins there ends, by its brackets alone; -1 if it does not."""
    depth = 0
    for found in _PARTS.finditer(text, position):
        part = found[0]
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
            if depth <= 0:
                return found.end() if depth == 0 else found.start()
        elif part == "," and depth == 0:
            return found.start()
    return -1


@contextmanager
def _opened(path: Path) -> "Iterator[io.BufferedReader[Any]]":
    raw: Any
    if path.suffix == ".gz":
        raw = gzip.open(path)  # noqa: SIM115  # closed by the reader around it
    elif path.suffix == ".zst":
        raw = pa.input_stream(str(path), compression="zstd")
    else:
        raw = path.open("rb", buffering=0)
    with io.BufferedReader(raw, _CHUNK) as buffered:
        yield buffered


def _seekable(path: Path, binary: "io.BufferedReader[Any]") -> Any:
    """What Parquet needs: its footer is read first."""
    return io.BytesIO(binary.read()) if path.suffix in _PACKED else binary


@contextmanager
def _told(file: SourceFile) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise SourceError(
            f"--source {file.said} cannot be read: {said[0]}; is it the file of the build?"
        ) from error


def _plain_name(path: Path) -> str:
    name = path.name
    return name.removesuffix(path.suffix) if path.suffix in _PACKED else name


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_source(path: Path) -> bool:
    return _plain_name(path).endswith(_KINDS)


def _name(stem: str, names: set[str]) -> str:
    """What the rows of the next file of a stem are called by, and no others are."""
    numbered = (f"{stem}~{number}" for number in count(2))
    name = next(one for one in chain([stem], numbered) if one not in names)
    names.add(name)
    return name


def _stem(path: Path) -> str:
    name = _plain_name(path)
    return name.removesuffix(Path(name).suffix)
