"""The source, read along with the rows that are made of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from .join import Source
from .parts import Part
from .row import Joined
from .rows import read_source_ids

MOST_FED = 4
"""Worker processes that can be kept busy by this one, which reads the source for them."""

_MOST_HANDED = 4096
"""Rows of a part whose dialogues are held at once, to be sent along with it."""


def join(source: Source, named: Mapping[int, Sequence[str]], before: int) -> Joined:
    """What rows are made of.

    Args:
        source: holds it.
        named: the ids that each row names, by its number in its file.
        before: how many rows of their split come before them.
    """
    found = {number: [source.ordinals(one) for one in ids] for number, ids in named.items()}
    asked = (ordinal for ids in found.values() for several in ids for ordinal in several)
    return Joined(found, source.dialogues(asked, before))


class Along:
    """A source, from its begin again with each split of the rows."""

    def __init__(self, source: Source, parts: Sequence[Part]) -> None:
        """Reads nothing yet."""
        self._source = source
        self._parts = parts
        self._split: str | None = None
        self._before = 0

    def find(self, part: Part, named: Mapping[int, Sequence[str]], rows: int) -> Joined:
        """What the next rows are made of.

        Args:
            part: that they are of.
            named: the ids that each of them names, by its number in the file.
            rows: how many they are, those included that name none.
        """
        if part.split != self._split:
            self._split, self._before = part.split, 0
            self._source.rewind(self._uses())
        found = join(self._source, named, self._before)
        self._before += rows
        return found

    def hand_over(self) -> Iterator[Part]:
        """The parts, each with the dialogues that its rows are made of."""
        for part in self._parts:
            ids = list(read_source_ids(part.file, part.groups))
            named = dict(enumerate(ids, part.before + 1))
            yield replace(part, made_of=self.find(part, named, len(ids)))

    def _uses(self) -> Iterator[tuple[int, list[int]]]:
        """The source rows that each row of this split names, by its number over all of them."""
        of_split = (one for one in self._parts if one.split == self._split)
        every = chain.from_iterable(read_source_ids(one.file, one.groups) for one in of_split)
        for number, named in enumerate(every):
            yield number, [ordinal for one in named for ordinal in self._source.ordinals(one)]


def can_be_handed_over(parts: Sequence[Part]) -> bool:
    """Whether what the rows of each part are made of can be told without reading them whole."""
    return all(
        one.rows is not None
        and one.rows <= _MOST_HANDED
        and not one.file.fault
        and not one.file.released
        for one in parts
    )
