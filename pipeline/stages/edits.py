"""Scripts as they are found in a stage's folder: what a person removed or changed is counted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ..block_report import BlockReport
from ..dialogue import EDITED, Script, Split, row_id
from ..errors import FolderError
from ..export.shards import WrittenFile, write_parquet
from ..script_rows import SCHEMA, ScriptRowError, read_script_row, script_table
from .frame import frame_faults
from .plan_rows import PlanRow, read_plan, script_digest, text_digest

REMOVED = "removed_by_hand"


@dataclass(frozen=True, slots=True)
class Found:
    """The scripts of a block.

    Attributes:
        plan: of all rows that are still planned, in order.
        scripts: of those that are kept, by id.
        new: of those that were changed since the stage wrote them, by id, the number of the
            row in its file, from 1.
        report: of the block, without what was removed.
    """

    plan: Sequence[PlanRow]
    scripts: dict[str, Script]
    new: Mapping[str, int]
    report: BlockReport


def write_scripts(
    plan: Sequence[PlanRow], scripts: dict[str, Script], folder: Path, path: str
) -> WrittenFile:
    """Writes the scripts of a block in the order of its plan."""
    table = script_table((scripts[row.id], row.split) for row in plan if row.id in scripts)
    return write_parquet([table], SCHEMA, folder, path)


def find_scripts(plan_file: Path, scripts_file: Path, report: BlockReport) -> Found:
    """The scripts of a block, and what became of those that were planned.

    Raises:
        FolderError: a script is none, was never planned, or more of it was changed than its
            texts; the message names file and row.
    """
    planned = {row.id: row for row in read_plan(plan_file)}
    scripts: dict[str, Script] = {}
    new: dict[str, int] = {}
    for number, (script, split) in enumerate(_read(scripts_file), start=1):
        where = f"{scripts_file}, row {number} ({script.id})"
        row = planned.get(script.id)
        if row is None or not row.kept or script.id in scripts:
            why = "is there twice" if script.id in scripts else "was not planned"
            raise FolderError(f"{where}: it {why}: rows can be dropped or changed, not added")
        same = (row.type, row.split) == (script.type, split)
        ours = {one.source_id for one in row.members}
        if not same or row_id(row.type, script.keys) != row.id or not ours >= {*script.source_ids}:
            raise FolderError(f"{where}: its type, split, keys or source_ids were changed")
        scripts[script.id] = script
        if script_digest(script, split) != row.digest:
            scripts[script.id] = _edited(script, row, where)
            new[script.id] = number
    kept, removed = [], []
    for row in planned.values():
        if row.kept and row.id not in scripts:
            removed.append(row)
        else:
            kept.append(replace(row, changed=row.changed or row.id in new))
    return Found(kept, scripts, new, _without(report, removed, kept))


def _edited(script: Script, row: PlanRow, where: str) -> Script:
    """The script, whose texts that are new say so, if nothing but texts and places changed."""
    texts = zip_longest(script.utterances, row.texts)
    new = [one is not None and text_digest(one.text) != was for one, was in texts]
    fault = next(frame_faults(script, row.frame or "", new), None)
    if fault:
        raise FolderError(f"{where}: {fault}")
    utterances = [
        one._replace(origin=EDITED) if is_new else one
        for one, is_new in zip(script.utterances, new, strict=True)
    ]
    return script._replace(utterances=tuple(utterances))


def _read(file: Path) -> list[tuple[Script, Split]]:
    try:
        with pq.ParquetFile(file) as parquet:
            table = parquet.read(columns=SCHEMA.names).cast(SCHEMA)  # others are an editor's
    except (OSError, ValueError, pa.ArrowException) as error:
        raise FolderError(f"{file} holds no scripts: {str(error).splitlines()[0]}") from error
    scripts = []
    for number, row in enumerate(table.to_pylist(), start=1):
        try:
            scripts.append(read_script_row(row))
        except ScriptRowError as error:
            raise FolderError(f"{file}, row {number} ({row['id']}): {error}") from None
    return scripts


def _without(
    report: BlockReport, removed: Sequence[PlanRow], kept: Sequence[PlanRow]
) -> BlockReport:
    """The report as if the removed rows had never been planned, their dialogues left out."""
    if not removed:
        return report
    rows = Counter(row.type for row in removed)
    members = Counter(row.type for row in removed for _member in row.members)
    used = {member for row in kept if not row.refused for member in row.members}
    known = {tuple(place) for *place, _reason in report.unused}
    unused = {
        member: None
        for row in removed
        for member in row.members
        if member not in used and tuple(member) not in known
    }
    return replace(
        report,
        planned=_less(report.planned, rows),
        in_rows=_less(report.in_rows, members),
        left_out=[
            *report.left_out,
            *([*member, row.type, REMOVED] for row in removed for member in row.members),
        ],
        unused=[*report.unused, *([*member, REMOVED] for member in unused)],
        removed=dict(sorted((Counter(report.removed) + rows).items())),
    )


def _less(counts: dict[str, int], fewer: Counter[str]) -> dict[str, int]:
    return {name: count - fewer[name] for name, count in counts.items()}
