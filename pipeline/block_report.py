"""What became of a block: what its builder tells, and what a resumed run goes by."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .export.shards import WORK, WrittenFile


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What became of a block; kept in the run's folder until the run is finished.

    Attributes:
        digest: of the block.
        threshold: the highest sample rank that was kept; None kept all.
        drawn: dialogues drawn, by type.
        in_rows: of these, how many are in a row to come.
        planned: rows to come, by type.
        left_out: dialogues drawn for a type that are in no row of it: file, row, line, source
            id, type, reason.
        unused: those of them that are in no row at all: file, row, line, source id, reason.
        written: rows written, by type.
        splits: rows written, by split.
        languages: rows written, by language.
        generators: rows written, by generator.
        pairs: slice pairs written, by type.
        shortened: rows written of which rounds were left out, by type.
        defused: markers defused in the texts of written rows.
        replies: replies by kind and origin, as `fuse/offline`.
        files: the shards.
    """

    number: int
    digest: str
    threshold: int | None
    drawn: dict[str, int]
    in_rows: dict[str, int]
    planned: dict[str, int]
    left_out: list[list[Any]]
    unused: list[list[Any]]
    written: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    generators: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, int] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    shortened: dict[str, int] = field(default_factory=dict)
    defused: int = 0
    files: list[WrittenFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What could be built of a block, and how its rows rank, for `--samples`."""

    number: int
    digest: str
    drawn: dict[str, int]
    in_rows: dict[str, int]
    planned: dict[str, int]
    left_out: list[list[Any]]
    unused: list[list[Any]]
    ranks: list[int]


def unwritten_report(plan: PlanReport, threshold: int | None) -> BlockReport:
    """The report of a block none of whose rows is kept."""
    return BlockReport(
        number=plan.number,
        digest=plan.digest,
        threshold=threshold,
        drawn=plan.drawn,
        in_rows=plan.in_rows,
        planned=plan.planned,
        left_out=plan.left_out,
        unused=plan.unused,
    )


def report_path(number: int) -> str:
    """Where a block's report lies in the run's folder."""
    return f"{WORK}/blocks/{number:05d}.json"


def dialogues_path(number: int) -> str:
    """Where a block's dialogues lie for whoever works on it."""
    return f"{WORK}/dialogues-{number:05d}.json"


def read_report(file: Path) -> BlockReport:
    """Reads a block's report."""
    values = json.loads(file.read_text("utf-8"))
    values["files"] = [WrittenFile(**one) for one in values["files"]]
    return BlockReport(**values)
