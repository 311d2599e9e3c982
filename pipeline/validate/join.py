"""Rows joined with their source, in memory that does not grow with either.

A first pass over the source keeps 8-byte hashes of the names of its rows. Rows
come in the order of their source, so a second pass, forward, holds no more
dialogues than a batch of rows asks for; only rows that were shuffled make it
keep all that it has read.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from .layouts import KEYS, guess_layout, ids_of, read_dialogue
from .nouns import SourceDialogue
from .source import SourceFile, find_source_files, read_records

_MOST_CANDIDATES = 4
"""Rows of one id that are tried where it is not known which of them was kept."""

Hashes = npt.NDArray[np.uint64]


def hash_of(name: str) -> int:
    """A 64-bit hash of an id."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest())


@dataclass(slots=True)
class Source:
    """All rows of the sources, by their ordinal (from 0) over all of them.

    Attributes:
        files: in the order of reading.
        layouts: of the files whose layout is known, by what they are called.
        count: rows.
        usable: for each row, whether it holds a dialogue.
        rejected: for each row, whether the build's folder names it as left out whole;
            None where that is not known.
        begins: the ordinal of the first row of each file, and `count`.
    """

    files: Sequence[SourceFile]
    layouts: Mapping[str, str]
    count: int
    usable: npt.NDArray[np.bool_]
    begins: list[int]
    rejected: npt.NDArray[np.bool_] | None
    _names: Hashes
    _owners: npt.NDArray[np.int64]
    _kept: dict[int, SourceDialogue] = field(default_factory=dict)
    _stream: Iterator[SourceDialogue | None] | None = None
    _next: int = 0
    _keep_all: bool = False

    def ordinals(self, source_id: str) -> list[int]:
        """The usable rows that a source id may name, in order.

        The contract gives an id that repeats to the first row that is kept:
        one row where it is known which are. More than one where it is not,
        and where files of one name have no ids.
        """
        key = np.uint64(hash_of(source_id))
        first, last = np.searchsorted(self._names, key), np.searchsorted(self._names, key, "right")
        found: list[int] = sorted(set(self._owners[first:last].tolist()))
        if self.rejected is None:
            return [one for one in found if self.usable[one]][:_MOST_CANDIDATES]
        kept = [one for one in found if self.usable[one] and not self.rejected[one]]
        by_number = source_id.rpartition(":")[2].startswith("#")
        return kept if by_number else kept[:1]

    def reject(self, rows: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Notes the rows, by file and number, that were left out whole.

        Returns:
            Those that are no rows of these sources.
        """
        rejected, strange = np.zeros(self.count, dtype=np.bool_), []
        for said, row in rows:
            ordinal = self.ordinal(said, row)
            if ordinal is None:
                strange.append((said, row))
            else:
                rejected[ordinal] = True
        self.rejected = rejected
        return strange

    def rewind(self) -> None:
        """Starts from the first row again: another split begins."""
        self._stream, self._next = None, 0
        if not self._keep_all:
            self._kept.clear()

    def dialogues(self, ordinals: Iterable[int]) -> dict[int, SourceDialogue]:
        """The usable ones of these rows.

        Args:
            ordinals: for a join that stays small, none below those asked for before.
        """
        asked = {one for one in ordinals if self.usable[one]}
        wanted = sorted(asked)
        if any(one < self._next and one not in self._kept for one in wanted):
            # What is asked for lies behind: the rows are not in the source's order.
            self._keep_all = True
            self._stream, self._next = None, 0
        if not self._keep_all:
            self._kept = {one: held for one, held in self._kept.items() if one in asked}
        while wanted and self._next <= wanted[-1]:
            if self._stream is None:
                self._stream = self._read()
            dialogue = next(self._stream, None)
            if dialogue is not None and (self._keep_all or self._next in asked):
                self._kept[self._next] = dialogue
            self._next += 1
        return {one: self._kept[one] for one in wanted if one in self._kept}

    @property
    def held(self) -> int:
        """How many dialogues are in memory."""
        return len(self._kept)

    def place(self, ordinal: int) -> tuple[SourceFile, int]:
        """The file of a row, and its number there, from 1."""
        index = int(np.searchsorted(self.begins, ordinal, "right")) - 1
        return self.files[index], ordinal - self.begins[index] + 1

    def ordinal(self, said: str, row: int) -> int | None:
        """The row of a file by what the file is called; None where there is no such row."""
        for exact in (True, False):
            for one, (begin, end) in zip(self.files, pairwise(self.begins), strict=True):
                same = one.said == said if exact else _last(one.said) == _last(said)
                if same and 0 < row <= end - begin:
                    return begin + row - 1
        return None

    def _read(self) -> Iterator[SourceDialogue | None]:
        for one in self.files:
            for _, dialogue in _dialogues(one, self.layouts):
                yield dialogue


def scan_sources(sources: Sequence[str], layouts: Mapping[str, str], layout: str | None) -> Source:
    """Reads the sources once, for the names of their rows.

    Args:
        sources: see `find_source_files`.
        layouts: the layouts that a manifest names, by file.
        layout: the flag, which wins.

    Raises:
        SourceError: a source cannot be read, or there is no such layout.
    """
    if layout is not None and layout not in KEYS:
        raise SourceError(f"--layout {layout}: it must be one of {', '.join(KEYS)}")
    found = find_source_files(sources)
    by_last = {_last(said): name for said, name in layouts.items() if name in KEYS}
    read_as = {
        one.said: name
        for one in found
        if (name := layout or layouts.get(one.said) or by_last.get(_last(one.said)))
    }
    names, owners, usable = array("Q"), array("q"), bytearray()
    begins = [0]
    for one in found:
        for number, (ids, dialogue) in enumerate(_dialogues(one, read_as), 1):
            for called in {*ids, f"#{number}"}:
                names.append(hash_of(f"{one.name}:{called}"))
                owners.append(len(usable))
            usable.append(dialogue is not None)
        begins.append(len(usable))
    hashes = np.frombuffer(names, dtype=np.uint64) if names else np.zeros(0, dtype=np.uint64)
    owned = np.frombuffer(owners, dtype=np.int64) if owners else np.zeros(0, dtype=np.int64)
    order = np.argsort(hashes, kind="stable")
    return Source(
        files=found,
        layouts=read_as,
        count=len(usable),
        usable=np.frombuffer(bytes(usable), dtype=np.bool_),
        begins=begins,
        rejected=None,
        _names=hashes[order],
        _owners=owned[order],
    )


def _dialogues(
    file: SourceFile, layouts: Mapping[str, str]
) -> Iterator[tuple[list[str], SourceDialogue | None]]:
    """The rows of a file: what they may be called, and their dialogue, if they can be used."""
    layout = layouts.get(file.said)
    record: Any
    for record in read_records(file):
        # A file has one layout: that of its first row that has any.
        layout = layout or guess_layout(record)
        yield ids_of(record), read_dialogue(record, layout) if layout else None


def _last(said: str) -> str:
    return said.replace("\\", "/").rsplit("/", 1)[-1]
