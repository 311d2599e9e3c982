"""How many texts are distinct, and which come again most: in memory that does not grow.

Both are exact until a bound is reached. Then the distinct ones are estimated from a fair
sample of them (Wegman's adaptive sampling: texts whose hash ends in so many zeros), and of
the frequent ones only those are kept that can be among the most frequent (Misra and Gries).
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

MOST_DISTINCT = 65_536
"""Distinct texts that are counted one by one; beyond it, the estimate errs by about 0.4%."""

MOST_FREQUENT = 4_096
"""Texts that can be the most repeated; one said more often than 1 in so many is among them."""

LONGEST_SHOWN = 160
"""Code points of a text that are kept to be shown."""


def hashes_of(texts: pa.StringArray) -> Hashes:
    """A 64-bit hash of each text, the same in every process."""
    from pandas.util import hash_array

    if not len(texts):
        return np.zeros(0, dtype=np.uint64)
    found: Hashes = hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
    return found


@dataclass(slots=True)
class Texts:
    """The texts of one kind of utterance.

    Attributes:
        said: how many in all.
        level: a text is counted if its hash ends in so many zero bits.
        counts: by hash, of a fair sample of the texts (all, at level 0).
        frequent: by hash, how often at least, and the text.
        missed: by how much a count of `frequent` can be too low.
    """

    most_distinct: int = MOST_DISTINCT
    most_frequent: int = MOST_FREQUENT
    said: int = 0
    level: int = 0
    counts: dict[int, int] = field(default_factory=dict, repr=False)
    frequent: dict[int, tuple[int, str]] = field(default_factory=dict, repr=False)
    missed: int = 0

    def add(self, hashes: Hashes, texts: pa.StringArray) -> None:
        """Counts texts.

        Args:
            hashes: of the texts.
            texts: the texts, of which those that are kept are read.
        """
        found, first, times = np.unique(hashes, return_index=True, return_counts=True)
        self.said += len(hashes)
        sampled = (found & np.uint64((1 << self.level) - 1)) == 0
        for key, more in zip(found[sampled].tolist(), times[sampled].tolist(), strict=True):
            self.counts[key] = self.counts.get(key, 0) + more
        if len(self.counts) > self.most_distinct:
            self._keep_the_sampled()
        fresh: dict[int, int] = {}
        for key, index, more in zip(found.tolist(), first.tolist(), times.tolist(), strict=True):
            known = self.frequent.get(key)
            if known is None:
                fresh[key] = index
            self.frequent[key] = (more, "") if known is None else (known[0] + more, known[1])
        self._keep_the_frequent()
        for key, index in fresh.items():
            if key in self.frequent:
                self.frequent[key] = (
                    self.frequent[key][0],
                    texts[index].as_py()[: LONGEST_SHOWN + 1],
                )

    def merge(self, other: Self) -> None:
        """Adds what another has counted."""
        self.said += other.said
        self.missed += other.missed
        self.level = max(self.level, other.level)
        for key, more in other.counts.items():
            self.counts[key] = self.counts.get(key, 0) + more
        self._keep_the_sampled()
        for key, (more, text) in other.frequent.items():
            known = self.frequent.get(key, (0, text))
            self.frequent[key] = (known[0] + more, known[1])
        self._keep_the_frequent()

    def _keep_the_sampled(self) -> None:
        while True:
            last = (1 << self.level) - 1
            self.counts = {key: count for key, count in self.counts.items() if not key & last}
            if len(self.counts) <= self.most_distinct:
                return
            self.level += 1

    def _keep_the_frequent(self) -> None:
        if len(self.frequent) <= self.most_frequent:
            return
        # Taking the same from all, as often as the first one left out, keeps the bound on
        # the error: a text is lost only if it was said no more often than was taken.
        counts = sorted((count for count, _ in self.frequent.values()), reverse=True)
        less = counts[self.most_frequent]
        self.missed += less
        self.frequent = {
            key: (count - less, text)
            for key, (count, text) in self.frequent.items()
            if count > less
        }

    @property
    def distinct(self) -> int:
        """How many texts there are; an estimate if `level` is not 0."""
        return len(self.counts) << self.level

    def most_repeated(self, number: int) -> list[tuple[str, int]]:
        """The texts said most often and how often (at least), from 2 times on."""
        often = [(text, count) for count, text in self.frequent.values() if count > 1]
        return sorted(often, key=lambda one: (-one[1], one[0]))[:number]


def shown(text: str, cells: int = LONGEST_SHOWN) -> str:
    """A text as one line that does nothing to a terminal, cut to so many of its cells."""
    from rich.cells import cell_len

    from .screen import visible

    line = visible(text, "⏎")
    if cell_len(line) <= cells:
        return line
    kept, used = [], 1
    for character in line:
        used += cell_len(character)
        if used > cells:
            break
        kept.append(character)
    return "".join(kept) + "…"
