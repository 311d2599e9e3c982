"""A difference in words: for the screen, and as Markdown for the card."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from .compare import Change, Difference

_SHOWN = 5
_HASH = re.compile(r"[0-9a-f]{64}")


def lines(found: Difference, first: str, second: str) -> list[str]:
    """A difference for the screen.

    Args:
        found: what differs.
        first: the name of the first run.
        second: that of the other.
    """
    said = [f"{first}: {found.rows[0]:,} rows", f"{second}: {found.rows[1]:,} rows"]
    if found.nothing:
        return [*said, "no difference"]
    for title, changes in _parts(found):
        said.append(f"{title}:")
        said += [f"  {one.name}: {_value(one.before)} -> {_value(one.after)}" for one in changes]
    said.append(f"rows: {_rows(found)}")
    for title, ids in _ids(found):
        shown = ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
        said.append(f"  {title}: {shown}")
    return said


def markdown(found: Difference, first: str) -> str:
    """A difference as a section of the second run's card.

    Args:
        found: what differs.
        first: the name of the first run.
    """
    if found.nothing:
        return f"Nothing has changed since `{first}`.\n"
    said = [f"Since `{first}`. Rows: {_rows(found)}."]
    for title, changes in _parts(found):
        said += ["", f"| {title} | before | after |", "|---|---:|---:|"]
        said += [
            f"| {_cell(one.name)} | {_cell(_value(one.before))} | {_cell(_value(one.after))} |"
            for one in changes
        ]
    return "\n".join(said) + "\n"


def _parts(found: Difference) -> Iterator[tuple[str, Sequence[Change]]]:
    named = (
        ("recipe", found.recipe),
        ("made with", found.made_of),
        ("counts", found.counts),
        ("distributions", found.shapes),
    )
    yield from ((title, changes) for title, changes in named if changes)


def _ids(found: Difference) -> Iterator[tuple[str, Sequence[str]]]:
    named = (("changed", found.changed), ("gone", found.gone), ("added", found.added))
    yield from ((title, ids) for title, ids in named if ids)


def _rows(found: Difference) -> str:
    if not found.same_format:
        both = found.rows[0] - len(found.gone)
        return (
            f"{both:,} ids in both, whose formats differ, {len(found.gone):,} gone, "
            f"{len(found.added):,} added"
        )
    return (
        f"{found.equal:,} equal, {len(found.changed):,} changed, {len(found.gone):,} gone, "
        f"{len(found.added):,} added"
    )


def _value(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return f"{value[:12]}…" if _HASH.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|").replace("<", "&lt;")
