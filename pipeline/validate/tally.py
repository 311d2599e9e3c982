"""What is counted over all rows: ids, splits, the names of sources, the sums of a manifest."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .join import hash_of
from .nouns import Row, Said
from .recount import replies_of
from .report import Report
from .text import Markers
from .types import ROW_TYPES

Longs = npt.NDArray[np.uint64]


@dataclass(slots=True)
class Tally:
    """Counts over all rows, at 8 bytes an id.

    Attributes:
        ids: a hash of each row's id.
        sources: by split, a hash of each source id of each row.
        languages: by language, a hash of each source id of each row.
        grouped: by type that joins dialogues, a hash of each source id of each row.
        taken: by type, the ordinals of the source rows that its rows are made of.
        counts: by the name they have in a manifest.
        defused: how many markers are defused in the texts, at least and at most; None once
            there is a row whose texts cannot be told.
    """

    ids: "array[int]" = field(default_factory=lambda: array("Q"))
    sources: "dict[str, array[int]]" = field(default_factory=dict)
    languages: "dict[str, array[int]]" = field(default_factory=dict)
    grouped: "dict[str, array[int]]" = field(default_factory=dict)
    taken: "dict[str, array[int]]" = field(default_factory=dict)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    defused: tuple[int, int] | None = (0, 0)

    def add(self, row: Row, split: str) -> None:
        """Counts a row."""
        if row.id is not None:
            self.ids.append(hash_of(row.id))
        hashes = array("Q", map(hash_of, row.source_ids))
        self.sources.setdefault(split, array("Q")).extend(hashes)
        if row.language is not None:
            self.languages.setdefault(row.language, array("Q")).extend(hashes)
        if row.type in ROW_TYPES and ROW_TYPES[row.type].groups:
            self.grouped.setdefault(row.type, array("Q")).extend(hashes)
        self._count("splits", split)
        self._count("written", row.type or "")
        self._count("members", row.type or "", len(row.source_ids))
        self._count("languages", row.language or "")
        self._count("generators", row.generator or "")
        self._count("formats", row.format)
        for reply in replies_of(row.utterances or ()):
            self._count("replies", reply)
        if row.format == "tdm":
            self._count("pairs", row.type or "", len(row.contents) // 2)

    def hear(self, said: Sequence[Said] | None, markers: Markers) -> None:
        """Counts what is defused in the texts of a row."""
        if said is None:
            self.defused = None
        for one in said or ():
            if self.defused is not None:
                low, high = self.defused
                least, most = markers.defused_in(one)
                self.defused = (low + least, high + most)

    def take(self, row: Row, ordinals: Sequence[int]) -> None:
        """Notes which source rows a row is made of."""
        self.taken.setdefault(row.type or "", array("Q")).extend(ordinals)

    def merge(self, other: "Tally") -> None:
        """Counts the rows that another tally has counted."""
        self.ids.extend(other.ids)
        for held, more in (
            (self.sources, other.sources),
            (self.languages, other.languages),
            (self.grouped, other.grouped),
            (self.taken, other.taken),
        ):
            for name, values in more.items():
                held.setdefault(name, array("Q")).extend(values)
        for group, counted in other.counts.items():
            self.counts[group].update(counted)
        if self.defused is None or other.defused is None:
            self.defused = None
        else:
            (low, high), (least, most) = self.defused, other.defused
            self.defused = (low + least, high + most)

    def repeated_ids(self) -> set[int]:
        """The hashes of ids that more than one row has."""
        return _repeated(_longs(self.ids))

    def in_two_splits(self) -> set[int]:
        """The hashes of source ids that are in more than one split."""
        return _in_two(self.sources)

    def in_two_languages(self) -> set[int]:
        """The hashes of source ids that are in rows of more than one language."""
        return _in_two(self.languages)

    def grouped_twice(self) -> dict[str, set[int]]:
        """By type that joins dialogues, the hashes of source ids that two of its rows hold."""
        found = {name: _repeated(_longs(one)) for name, one in self.grouped.items()}
        return {name: one for name, one in found.items() if one}

    def taken_by(self, row_type: str) -> Longs:
        """The ordinals of the source rows that are in rows of a type."""
        return _longs(self.taken.get(row_type, array("Q")))

    def _count(self, group: str, name: str, by: int = 1) -> None:
        self.counts[group][name] += by


@dataclass(frozen=True, slots=True)
class Found:
    """What is found in rows: what they add up to, and what is proved and broken in them."""

    tally: Tally
    report: Report

    def add(self, other: "Found") -> None:
        """Takes what is found in the rows that come next."""
        self.tally.merge(other.tally)
        self.report.merge(other.report)


def _in_two(held: "Mapping[str, array[int]]") -> set[int]:
    """What more than one of several arrays holds."""
    if len(held) < 2:
        return set()
    return _repeated(np.concatenate([np.unique(_longs(one)) for one in held.values()]))


def _repeated(values: Longs) -> set[int]:
    hashes, counts = np.unique(values, return_counts=True)
    return set(hashes[counts > 1].tolist())


def _longs(values: "array[int]") -> Longs:
    if not values:
        return np.zeros(0, dtype=np.uint64)
    held: Longs = np.frombuffer(values, dtype=np.uint64)
    return held
