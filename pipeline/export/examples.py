"""A real row of each type, for the card: found in the first shards, the same for the same files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

_SHORT = 24
"""A row of so many slices or messages is a good example; the search for its type ends there."""

_ROWS = 256
"""Rows that are unpacked at a time to come to one of them."""

_GROUPS = 2
"""Row groups that are read for better examples once each type has one."""


def examples(folder: Path, manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each type that was written the shortest row of the first row groups.

    Args:
        folder: the run's, its shards finished.
        manifest: of the run; its order of types and files is kept.
    """
    lane = "output" if manifest["format"] == "tdm" else "messages"
    wanted = [name for name, count in manifest["counts"]["written"].items() if count]
    best: dict[str, _Row] = {}
    for number, group in enumerate(_row_groups(folder, manifest)):
        for name, row in _shortest(group, lane).items():
            if name in wanted and (name not in best or row.length < best[name].length):
                best[name] = row
        if len(best) == len(wanted):
            short = all(row.length <= _SHORT for row in best.values())
            if short or number + 1 >= _GROUPS:
                break
    return {name: best[name].read() for name in wanted if name in best}


@dataclass(frozen=True, slots=True)
class _Group:
    """A row group of a shard."""

    shard: Path
    number: int

    def lengths(self, lane: str) -> tuple[list[str], list[int]]:
        """The type of each row, and how many slices or messages it has."""
        # Of these the roles alone are read: the texts are most of a shard.
        columns = ["type", f"{lane}.list.element.role"]
        with pq.ParquetFile(self.shard) as file:
            rows = file.read_row_group(self.number, columns=columns)
        lists = rows[lane].combine_chunks()
        return rows["type"].to_pylist(), np.diff(lists.offsets.to_numpy()).tolist()

    def row(self, place: int) -> dict[str, Any]:
        """The row at a place."""
        before = 0
        with pq.ParquetFile(self.shard) as file:
            for batch in file.iter_batches(_ROWS, row_groups=[self.number]):
                if place < before + batch.num_rows:
                    row: dict[str, Any] = batch.slice(place - before, 1).to_pylist()[0]
                    return row
                before += batch.num_rows
        raise IndexError(place)


class _Row(NamedTuple):
    length: int
    group: _Group
    place: int

    def read(self) -> dict[str, Any]:
        return self.group.row(self.place)


def _row_groups(folder: Path, manifest: Mapping[str, Any]) -> Iterator[_Group]:
    for path in manifest["files"]:
        if path.startswith("data/"):
            shard = folder / path
            for number in range(pq.read_metadata(shard).num_row_groups):
                yield _Group(shard, number)


def _shortest(group: _Group, lane: str) -> dict[str, _Row]:
    """Of each type the row whose lane is the shortest; the first of equals."""
    found: dict[str, _Row] = {}
    for place, (name, length) in enumerate(zip(*group.lengths(lane), strict=True)):
        if name not in found or length < found[name].length:
            found[name] = _Row(length, group, place)
    return found
