"""A real row of each type, for the card: found in the first shards, the same for the same files."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_SHORT = 24
"""A row of so many slices or messages is a good example; the search for its type ends there."""

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
    best: dict[str, tuple[int, dict[str, Any]]] = {}
    for number, group in enumerate(_row_groups(folder, manifest)):
        for name in wanted:
            row = _shortest(group, name, lane)
            if row and (name not in best or row[0] < best[name][0]):
                best[name] = row
        if len(best) == len(wanted):
            short = all(length <= _SHORT for length, _ in best.values())
            if short or number + 1 >= _GROUPS:
                break
    return {name: best[name][1] for name in wanted if name in best}


def _row_groups(folder: Path, manifest: Mapping[str, Any]) -> Iterator[pa.Table]:
    for path in manifest["files"]:
        if path.startswith("data/"):
            with pq.ParquetFile(folder / path) as file:
                for number in range(file.num_row_groups):
                    yield file.read_row_group(number)


def _shortest(group: pa.Table, name: str, lane: str) -> tuple[int, dict[str, Any]] | None:
    """The length and the row of the type whose lane is the shortest; the first of equals."""
    rows = group.filter(pc.equal(group["type"], name))
    if not rows.num_rows:
        return None
    lengths = pc.list_value_length(rows[lane]).to_pylist()
    place = min(range(len(lengths)), key=lengths.__getitem__)
    return lengths[place], rows.slice(place, 1).to_pylist()[0]
