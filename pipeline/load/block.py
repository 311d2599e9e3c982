"""A block of dialogues or of scripts: the unit of work and of resuming, passed on as a file.

The file is written and read by processes of one run alone, so it is in the quickest form that
Python has for lists of texts and numbers.
"""

import marshal
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import numpy as np

from ..dialogue import Dialogue, Script, Split, turns_of
from ..script_rows import read_script_row, script_row
from ..slice.columns import Ints
from .language import tell_languages


class Place(NamedTuple):
    """Where a row stands: its file as it was found, its row and line from 1."""

    file: str
    row: int
    line: int | None


class Found(NamedTuple):  # a tuple is made three times as fast, and these are millions
    """A usable source row that is a dialogue, named.

    Attributes:
        source_id: see `Dialogue`.
        key: see `Dialogue`.
        language: None where its texts are to tell.
        split: see `Dialogue`.
        source: see `Dialogue`.
        lengths: how many bytes each turn has, as 32-bit numbers.
        data: the texts of its turns end to end, the user's first, in UTF-8.
    """

    source_id: str
    key: str
    language: str | None
    split: Split
    source: int
    lengths: bytes
    data: bytes


@dataclass(frozen=True)
class Block:
    """Dialogues that follow each other in the sources, and where each stands, as columns.

    Attributes:
        number: of the block.
        names: the source id of each dialogue.
        keys: of each.
        languages: of each.
        splits: of each.
        sources: of each.
        turns: how many each has, as 32-bit numbers.
        lengths: how many bytes each turn has, the same way.
        data: the texts of all turns end to end, in UTF-8.
        files: where each stands.
        rows: its row there.
        lines: its line.
    """

    number: int
    names: list[str]
    keys: list[str]
    languages: list[str]
    splits: list[Split]
    sources: list[int]
    turns: bytes
    lengths: bytes
    data: bytes
    files: list[str]
    rows: list[int]
    lines: list[int | None]

    def __len__(self) -> int:
        """How many dialogues."""
        return len(self.names)

    @cached_property
    def counts(self) -> Ints:
        """How many turns each has."""
        return np.frombuffer(self.turns, dtype=np.int32).astype(np.int64)

    @cached_property
    def ends(self) -> Ints:
        """The byte after the last of each turn."""
        return np.cumsum(np.frombuffer(self.lengths, dtype=np.int32), dtype=np.int64)

    @cached_property
    def dialogues(self) -> tuple[Dialogue, ...]:
        """Each as an object of its own, made when they are first asked for."""
        ends = self.ends.tolist()
        data = self.data
        texts = [data[begin:end].decode() for begin, end in pairwise([0, *ends])]
        edges = pairwise([0, *np.cumsum(self.counts).tolist()])
        turns = [turns_of(texts[begin:end]) for begin, end in edges]
        return tuple(
            map(Dialogue, self.names, self.keys, self.languages, turns, self.splits, self.sources)
        )

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Where each stands."""
        return tuple(map(Place, self.files, self.rows, self.lines))

    def digest(self) -> str:
        """A hash of all that the rows made of this block depend on, but the recipe."""
        files = self.files if len(set(self.files)) > 1 else self.files[:1]
        # Of plain words no list is spelled out, for these are many.
        words = (" ".join(one) for one in (self.keys, self.languages, self.splits))
        lists = map(repr, (self.names, files, self.rows, self.lines))
        return sha256("\n".join((*words, *lists)).encode()).hexdigest()

    def split(self, member: int) -> Split:
        """Where all that is made of a dialogue goes."""
        return self.splits[member]

    def source_id(self, member: int) -> str:
        """What a dialogue is called."""
        return self.names[member]

    def source_ids(self) -> Iterator[str]:
        """Of all dialogues."""
        return iter(self.names)


def lengths_of(texts: Iterable[bytes]) -> bytes:
    """How many bytes each text has, as 32-bit numbers."""
    sizes = [*map(len, texts)]
    return _numbers(len(sizes)).pack(*sizes)


@lru_cache(maxsize=256)
def _numbers(count: int) -> Struct:
    return Struct(f"={count}i")


def block_of_found(
    number: int, found: Sequence[Found], places: Sequence[tuple[str, int, int | None]]
) -> Block:
    """A block of source rows; the language of those that do not say is told by their texts."""
    names, keys, languages, splits, sources, lengths, data = map(list, zip(*found, strict=True))
    files, rows, lines = map(list, zip(*places, strict=True))
    turns = np.array([len(one) // 4 for one in lengths], dtype=np.int32).tobytes()
    block = Block(
        *(number, names, keys, languages, splits, sources),
        *(turns, b"".join(lengths), b"".join(data), files, rows, lines),
    )
    if None in languages:
        told = tell_languages(block.data, block.ends, block.counts)
        languages[:] = [one or other for one, other in zip(languages, told, strict=True)]
    return block


def block_of(number: int, dialogues: Sequence[Dialogue], places: Sequence[Place]) -> Block:
    """A block of dialogues."""
    found = []
    for one in dialogues:
        texts = [turn.text.encode() for turn in one.turns]
        head = one.source_id, one.key, one.language, one.split, one.source
        found.append(Found(*head, lengths_of(texts), b"".join(texts)))
    return block_of_found(number, found, places)


class GivenScript(NamedTuple):
    """A script that a source holds.

    Attributes:
        finished: whether statements are in it already, where there are to be any.
    """

    script: Script
    split: Split
    finished: bool


@dataclass(frozen=True, slots=True)
class ScriptBlock:
    """Scripts that follow each other in the sources, and where each stands."""

    number: int
    scripts: tuple[GivenScript, ...]
    places: tuple[Place, ...]

    def __len__(self) -> int:
        """How many scripts."""
        return len(self.scripts)

    def digest(self) -> str:
        """A hash of all that the rows made of this block depend on, but the recipe."""
        lines = map(repr, zip(self.scripts, self.places, strict=True))
        return sha256("\n".join(lines).encode()).hexdigest()

    def split(self, member: int) -> Split:
        """Where the row of a script goes."""
        return self.scripts[member].split

    def source_id(self, member: int) -> str:
        """What a script is called: its dialogue, or its own id if it joins several."""
        script = self.scripts[member].script
        return script.source_ids[0] if len(script.source_ids) == 1 else script.id

    def source_ids(self) -> Iterator[str]:
        """Of all dialogues of the scripts."""
        return (one for given in self.scripts for one in given.script.source_ids)


AnyBlock = Block | ScriptBlock


def write_block(block: AnyBlock, file: Path) -> None:
    """Writes a block of either kind, in the place of another; read_block gives it back."""
    held: list[Any] | dict[str, Any]
    if isinstance(block, Block):
        held, data = _columns(block), block.data
    else:
        held, data = _script_rows(block), b""
    head = marshal.dumps(held)
    with file.open("r+b" if file.exists() else "wb") as stream:
        stream.writelines((len(head).to_bytes(_SIZE, "little"), head, data))
        stream.truncate()


def read_block(number: int, file: Path) -> AnyBlock:
    """Reads what write_block wrote."""
    with file.open("rb") as stream:
        size = int.from_bytes(stream.read(_SIZE), "little")
        held = marshal.loads(stream.read(size))  # noqa: S302  # written by this run
        data = stream.read()
    if isinstance(held, dict):
        scripts = (GivenScript(*read_script_row(row), done) for row, done in held["scripts"])
        return ScriptBlock(number, tuple(scripts), tuple(Place(*one) for one in held["places"]))
    return Block(number, **dict(zip(_COLUMNS, held, strict=True)), data=data)


_SIZE = 8
"""Bytes of the number that says where a block's texts begin in its file."""

_COLUMNS = [one.name for one in fields(Block) if one.name not in {"number", "data"}]


def _columns(block: Block) -> list[Any]:
    return [getattr(block, name) for name in _COLUMNS]


def _script_rows(block: ScriptBlock) -> dict[str, Any]:
    return {
        "scripts": [(script_row(one.script, one.split), one.finished) for one in block.scripts],
        "places": [tuple(one) for one in block.places],
    }
