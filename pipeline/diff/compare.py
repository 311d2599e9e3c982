"""What differs between two runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FolderError
from ..run_folder import finished_manifest
from .rows import Rows, Shape, read_rows

_COUNTED = (
    *("written", "splits", "languages", "generators", "rejected", "left_out"),
    "shortened",
)
_LEAST = 0.005
"""Change of a share that is told; that of a mean is told from a hundredth of it on."""


@dataclass(frozen=True, slots=True)
class Change:
    """A value that is another in the second run; None where one of them has none."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two runs, part by part.

    Attributes:
        rows: how many each has.
        recipe: knobs.
        made_of: prompts by hash, tokenizer, versions, segmenters, sources.
        counts: of the manifest.
        equal: rows that are the same in both.
        changed: ids of rows that are in both and differ; none where the formats do.
        gone: ids that only the first has.
        added: ids that only the second has.
        shapes: means and shares, by type.
        same_format: whether the rows can be compared at all.
    """

    rows: tuple[int, int]
    recipe: tuple[Change, ...]
    made_of: tuple[Change, ...]
    counts: tuple[Change, ...]
    equal: int
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    added: tuple[str, ...]
    shapes: tuple[Change, ...]
    same_format: bool

    @property
    def nothing(self) -> bool:
        """Whether nothing differs."""
        return not any(
            (self.recipe, self.made_of, self.counts, self.changed, self.gone, self.added)
        )


def compare(first: Path, second: Path) -> Difference:
    """What the second run has that the first has not, and the other way round.

    Args:
        first: the folder of a finished run.
        second: that of another.

    Raises:
        FolderError: one of them is no finished run.
    """
    before, after = _manifest(first), _manifest(second)
    ours, theirs = read_rows(first), read_rows(second)
    same_format = before["format"] == after["format"]
    there, here = ours.hashes, theirs.hashes
    both = [name for name in there if name in here]
    equal = sum(there[name] == here[name] for name in both)
    return Difference(
        rows=(len(there), len(here)),
        recipe=tuple(_changes(before["recipe"], after["recipe"])),
        made_of=tuple(_changes(_made_of(before), _made_of(after))),
        counts=tuple(_changes(_counted(before), _counted(after))),
        equal=equal,
        changed=tuple(one for one in both if same_format and there[one] != here[one]),
        gone=tuple(one for one in there if one not in here),
        added=tuple(one for one in here if one not in there),
        shapes=tuple(_shapes(ours, theirs)) if same_format else (),
        same_format=same_format,
    )


def _manifest(folder: Path) -> dict[str, Any]:
    manifest = finished_manifest(folder)
    if manifest is None:
        raise FolderError(f"{folder} has no manifest.json; give the folder of a finished run")
    return manifest


def _made_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    made = {"duplexdata": manifest["duplexdata"], "tokenizer": manifest["tokenizer"]}
    made |= {name: manifest[name] for name in ("transitions", "statement_banks")}
    made |= {name: manifest[name] for name in ("versions", "segmenters")}
    return {
        **made,
        "sources": {one["file"]: one["sha256"] or one.get("etag") for one in manifest["sources"]},
    }


def _counted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    counts = manifest["counts"]
    return {
        "source_rows": counts["source_rows"],
        **{name: counts.get(name, {}) for name in _COUNTED},
    }


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    ours, theirs = dict(_flat(before)), dict(_flat(after))
    for name in {**ours, **theirs}:
        if ours.get(name) != theirs.get(name):
            yield Change(name, ours.get(name), theirs.get(name))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shapes(before: Rows, after: Rows) -> Iterator[Change]:
    for name in {**before.shapes, **after.shapes}:
        ours = before.shapes.get(name, Shape()).measures()
        theirs = after.shapes.get(name, Shape()).measures()
        for measure in {**ours, **theirs}:
            left, right = ours.get(measure, 0.0), theirs.get(measure, 0.0)
            least = max(abs(left), abs(right)) / 100 if max(left, right) > 1 else _LEAST
            if abs(left - right) >= least:
                yield Change(f"{name}: {measure}", left, right)
