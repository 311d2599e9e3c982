"""Which rows are looked at: one by its id, the first, or some at random."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ..errors import InputError
from .rows import BATCH_ROWS, RowFile, read_batches, read_places
from .screen import visible

_IDS = 64 * BATCH_ROWS
_NEAR = 3
"""Ids that are offered for one that is not there, at most."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row stands: the number of its file, and its place in it from 0."""

    file: int
    place: int


def row_by_id(files: Sequence[RowFile], path: Path, row_id: str) -> dict[str, Any]:
    """The first row with an id.

    Raises:
        InputError: there is none; ids that are near are named.
    """
    near = _Near(row_id)
    for number, file in enumerate(files):
        done = 0
        for batch in read_batches(file, ("id",), _ids_at_once(file)):
            ids = batch.column("id")
            index = pc.index(ids, row_id).as_py()
            if index >= 0:
                return next(_read(files, [_Place(number, done + index)]))
            near.look_at(ids)
            done += batch.num_rows
    found = f"near it are {_listed(near.ids)}" if near.ids else "no id is like it"
    raise InputError(f"no row {row_id} in {path}: {found}")


def first_rows(
    files: Sequence[RowFile], path: Path, row_type: str | None, count: int
) -> Iterator[dict[str, Any]]:
    """The first rows, of a type if one is given.

    Raises:
        InputError: there is no row of the type.
    """
    yield from _read(files, list(_first(files, path, row_type, count)))


def random_rows(
    files: Sequence[RowFile], path: Path, row_type: str | None, count: int, seed: int
) -> Iterator[dict[str, Any]]:
    """The rows with the lowest hash of seed and id, in their order; only they are held.

    Raises:
        InputError: there is no row of the type.
    """
    drawn = ((_hash(seed, row_id), place) for row_id, place in _places(files, path, row_type))
    lowest = heapq.nsmallest(count, drawn, key=lambda one: one[0])
    yield from _read(files, [place for _, place in lowest])


def _first(
    files: Sequence[RowFile], path: Path, row_type: str | None, count: int
) -> Iterator[_Place]:
    left = count
    for _, place in _places(files, path, row_type):
        yield place
        left -= 1
        if left <= 0:
            return


def _places(
    files: Sequence[RowFile], path: Path, row_type: str | None
) -> Iterator[tuple[str, _Place]]:
    """Id and place of every row of a type, or of all."""
    held: set[str] = set()
    found = False
    for number, file in enumerate(files):
        done = 0
        for batch in read_batches(file, ("id", "type"), _ids_at_once(file)):
            ids, types = batch.column("id").to_pylist(), batch.column("type").to_pylist()
            for index, (row_id, of_type) in enumerate(zip(ids, types, strict=True)):
                if row_type is None or of_type == row_type:
                    found = True
                    yield row_id or "", _Place(number, done + index)
            held.update(one for one in types if one)
            done += batch.num_rows
    if not found:
        if row_type is None:
            raise InputError(f"{path} holds no rows: give a run that wrote some")
        types = _listed(sorted(held)) or "rows that do not say their type"
        raise InputError(f"no row of type {row_type} in {path}: it holds {types}")


def _read(files: Sequence[RowFile], places: Sequence[_Place]) -> Iterator[dict[str, Any]]:
    for number, file in enumerate(files):
        here = [one.place for one in places if one.file == number]
        if here:
            yield from (row for _, row in read_places(file, here))


def _ids_at_once(file: RowFile) -> int:
    # JSONL has no columns: whole lines are read for an id.
    return BATCH_ROWS if file.rows is None else _IDS


def _listed(names: Sequence[str]) -> str:
    # A name from a file may hold what a terminal would act on.
    return ", ".join(visible(one, " ") for one in names)


def _hash(seed: int, row_id: str) -> bytes:
    return blake2b(f"{seed}:{row_id}".encode(), digest_size=8).digest()


class _Near:
    """The ids nearest to one that is sought: first those that hold its last part."""

    def __init__(self, sought: str) -> None:
        self._sought = sought
        self._part = sought.rsplit("-", 1)[-1]
        self._holding: list[str] = []
        self._shared = 2  # a first letter in common is no likeness
        self._alike: list[str] = []

    @property
    def ids(self) -> list[str]:
        """At most a few."""
        return (self._holding or self._alike)[:_NEAR]

    def look_at(self, ids: Any) -> None:
        """Compares a batch of ids."""
        if len(self._holding) < _NEAR and self._part:
            holding = pc.filter(ids, pc.match_substring(ids, self._part))
            self._holding += holding.slice(0, _NEAR).to_pylist()
        while self._shared < len(self._sought):
            alike = pc.filter(ids, pc.starts_with(ids, self._sought[: self._shared + 1]))
            if not len(alike):
                break
            self._alike = alike.slice(0, _NEAR).to_pylist()
            self._shared += 1
