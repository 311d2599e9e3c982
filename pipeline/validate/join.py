"""Rows joined with their source, in memory that does not grow with either.

A first pass over the source keeps 8-byte hashes of the names of its rows. Rows
come in the order of their source, block by block, so a second pass, forward,
holds a dialogue from where it is read to the last row that it is needed for:
those of a block, where rows are made of several dialogues.
"""

import re
from array import array
from collections import Counter
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
from .source import Copies, SourceFile, find_source_files, own_name, read_records

_MOST_CANDIDATES = 4
"""Rows of one id that are tried where it is not known which of them was kept."""

_BY_NUMBER = re.compile(r":#\d+\Z")

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
        said: what each file is called in the build's manifest and rejected.parquet.
        count: rows.
        read: how many of them the build read: up to its limit.
        named: whether the files are called as those that the manifest names.
        usable: for each row, whether it holds a dialogue.
        rejected: for each row, whether the build's folder names it as left out whole;
            None where that is not known.
        begins: the ordinal of the first row of each file, and `count`.
    """

    files: Sequence[SourceFile]
    layouts: Mapping[str, str]
    said: Sequence[str]
    count: int
    read: int
    named: bool
    usable: npt.NDArray[np.bool_]
    begins: list[int]
    rejected: npt.NDArray[np.bool_] | None
    _names: Hashes
    _owners: npt.NDArray[np.int64]
    _dropped: npt.NDArray[np.int32]
    _kept: dict[int, SourceDialogue] = field(default_factory=dict)
    _stream: Iterator[SourceDialogue | None] | None = None
    _next: int = 0
    _keep_all: bool = False
    _last_use: npt.NDArray[np.int64] | None = None

    def ordinals(self, source_id: str) -> list[int]:
        """The usable rows that a source id may name, in order.

        The contract gives an id that repeats to the first row that is kept:
        one row where it is known which are; more than one where it is not.
        """
        key = np.uint64(hash_of(source_id))
        first, last = np.searchsorted(self._names, key), np.searchsorted(self._names, key, "right")
        found: list[int] = sorted(set(self._owners[first:last].tolist()))
        if self.rejected is None:
            return [one for one in found if self.usable[one]][:_MOST_CANDIDATES]
        kept = [one for one in found if self.usable[one] and not self.rejected[one]]
        return kept if self._is_by_number(source_id) else kept[:1]

    def reject(self, rows: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
        """Notes the rows, by file and number, that were left out whole.

        Returns:
            Those that are no rows of these sources.
        """
        rejected = np.zeros(self.count, dtype=np.bool_)
        strange: list[tuple[str, int]] = []
        for (said, row), times in Counter(rows).items():
            # Of a file that was read twice, a row that was rejected once is a duplicate.
            places = sorted(self.places(said, row), key=lambda one: (self.usable[one], -one))
            rejected[places[:times]] = True
            strange += [(said, row)] * (times - len(places))
        self.rejected = rejected
        return strange

    def dropped(self, unread: Iterable[tuple[str, int]]) -> dict[str, int]:
        """What was dropped of the rows that were read as dialogues, as a manifest counts it.

        Args:
            unread: file and number of those that were rejected before.
        """
        there = self.usable[: self.read].copy()
        for (said, row), times in Counter(unread).items():
            there[self.places(said, row)[:times]] = False
        system, trailing = self._dropped[: self.read][there].sum(axis=0).tolist()
        return {"system_messages": system, "trailing_user_turns": trailing}

    def rewind(self, uses: Iterable[tuple[int, Iterable[int]]] = ()) -> None:
        """Starts from the first row again: another split begins.

        Args:
            uses: what will be asked for: a number that grows, and the rows asked for then.
        """
        self._stream, self._next = None, 0
        if not self._keep_all:
            self._kept.clear()
        self._last_use = np.full(self.count, -1, dtype=np.int64)
        for when, ordinals in uses:
            self._last_use[list(ordinals)] = when

    def dialogues(self, ordinals: Iterable[int], when: int = 0) -> dict[int, SourceDialogue]:
        """The usable ones of these rows.

        Args:
            ordinals: for a join that stays small, none below those asked for before,
                but for those that `rewind` was told of.
            when: where in the uses that `rewind` was told of this is.
        """
        asked = {one for one in ordinals if self.usable[one]}
        wanted = sorted(asked)
        if any(one < self._next and one not in self._kept for one in wanted):
            # What is asked for lies behind: the rows are not in the source's order.
            self._keep_all = True
            self._stream, self._next = None, 0
        if not self._keep_all:
            self._kept = {
                one: held
                for one, held in self._kept.items()
                if one in asked or self._is_needed(one, when)
            }
        while wanted and self._next <= wanted[-1]:
            if self._stream is None:
                self._stream = self._read()
            dialogue = next(self._stream, None)
            if dialogue is not None and (
                self._keep_all or self._next in asked or self._is_needed(self._next, when)
            ):
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

    def places(self, said: str, row: int) -> list[int]:
        """The rows that have this number in a file called so; several, if it was read twice."""
        for exact in (True, False):
            found = [
                begin + row - 1
                for one, (begin, end) in zip(self.said, pairwise(self.begins), strict=True)
                if (one == said if exact else _last(one) == _last(said))
                and 0 < row <= min(end, self.read) - begin
            ]
            if found:
                return found
        return []

    def _is_by_number(self, source_id: str) -> bool:
        """Whether a source id is a file's name and the number of a row."""
        found = _BY_NUMBER.search(source_id)
        return found is not None and any(
            one.name == source_id[: found.start()] for one in self.files
        )

    def _is_needed(self, ordinal: int, when: int) -> bool:
        return self._last_use is not None and bool(self._last_use[ordinal] >= when)

    def _read(self) -> Iterator[SourceDialogue | None]:
        for one in self.files:
            for _, dialogue in _dialogues(one, self.layouts):
                yield dialogue


def scan_sources(
    sources: Sequence[str],
    layouts: Mapping[str, str],
    layout: str | None,
    *,
    said: Sequence[str] = (),
    limit: int | None = None,
    copies: Copies | None = None,
) -> Source:
    """Reads the sources once, for the names of their rows.

    Args:
        sources: see `find_source_files`.
        layouts: the layouts that a manifest names, by file.
        layout: the flag, which wins.
        said: what the manifest calls the files that were read, in order.
        limit: how many rows the build was to read.
        copies: of sources that lie elsewhere.

    Raises:
        SourceError: a source cannot be read, or there is no such layout.
    """
    if layout is not None and layout not in KEYS:
        raise SourceError(f"--layout {layout}: it must be one of {', '.join(KEYS)}")
    found = find_source_files(sources, copies)
    known = {said: name for said, name in layouts.items() if name in KEYS}
    by_last = {_last(said): name for said, name in known.items()}
    read_as = {
        one.said: name
        for one in found
        if (name := layout or known.get(one.said) or by_last.get(_last(one.said)))
    }
    names, owners, usable, dropped = array("Q"), array("q"), bytearray(), array("i")
    begins, numbers = [0], Counter[str]()
    for one in found:
        for ids, dialogue in _dialogues(one, read_as):
            numbers[one.name] += 1  # the files of a repository are numbered as one
            for called in {*filter(None, map(own_name, ids)), f"#{numbers[one.name]}"}:
                names.append(hash_of(f"{one.name}:{called}"))
                owners.append(len(usable))
            usable.append(dialogue is not None)
            dropped.extend((dialogue.system, dialogue.trailing) if dialogue else (0, 0))
        begins.append(len(usable))
    hashes = np.frombuffer(names, dtype=np.uint64) if names else np.zeros(0, dtype=np.uint64)
    owned = np.frombuffer(owners, dtype=np.int64) if owners else np.zeros(0, dtype=np.int64)
    order = np.argsort(hashes, kind="stable")
    files_said = _called(found, said)
    return Source(
        files=found,
        layouts=read_as,
        said=files_said,
        named=bool(said) and files_said[: len(said)] == [*said],
        count=len(usable),
        read=len(usable) if limit is None else min(limit, len(usable)),
        usable=np.frombuffer(bytes(usable), dtype=np.bool_),
        begins=begins,
        rejected=None,
        _names=hashes[order],
        _owners=owned[order],
        _dropped=np.array(dropped, dtype=np.int32).reshape(-1, 2),
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


def _called(found: Sequence[SourceFile], said: Sequence[str]) -> list[str]:
    """What a build called these files: they may lie elsewhere now, in the same order."""
    own = [one.said for one in found]
    same = len(said) <= len(own) and all(
        _last(one) == _last(other) for one, other in zip(said, own, strict=False)
    )
    return [*said, *own[len(said) :]] if same else own


def _last(said: str) -> str:
    return said.replace("\\", "/").rsplit("/", 1)[-1]
