"""What each stage does with one block; it runs in whatever process an engine says."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..block import (
    SLICED_AT_ONCE,
    BlockTask,
    Tally,
    begin,
    kept_rows,
    planned_of,
    scriptwriter_of,
    write_shard,
)
from ..block_report import BlockReport
from ..dialogue import SPLITS, Script, Split
from ..errors import FolderError
from ..load.block import Block
from ..recipe import Recipe
from ..slice.schedule import SlicedScript, slice_scripts
from ..slice.slicer import Slicer
from .edits import Found, find_scripts, write_scripts
from .fits import faults
from .folder import plan_file, scripts_file, slices_file
from .plan_rows import Member, PlanRow, read_plan, script_digest, text_digests, write_plan
from .slice_rows import read_slices, write_slices


@dataclass(frozen=True, slots=True)
class StageTask:
    """One block of a stage.

    Attributes:
        here: the folder of the stage before.
        out: this stage's.
        report: what became of the block so far.
        fingerprints: of the materials that the stages began with.
    """

    recipe: Recipe
    here: str
    out: str
    report: BlockReport
    fingerprints: dict[str, Any]

    @property
    def number(self) -> int:
        """Of the block."""
        return self.report.number

    def found(self) -> Found:
        """The scripts of the stage before."""
        here = Path(self.here)
        return find_scripts(
            here / plan_file(self.number), here / scripts_file(self.number), self.report
        )


def interrupt_block(task: BlockTask) -> BlockReport:
    """Plans a block and writes the scripts of the rows that are kept, without statements."""
    work, tally = begin(task), Tally()
    block = work.block
    if not isinstance(block, Block):
        raise FolderError(f"{task.file} holds scripts, not dialogues")
    writer = replace(work.writer, reply=tally.counted(work.writer.reply))
    kept = {row.id for row in kept_rows(work.plan, task)}
    scripts: dict[str, Script] = {}
    plan = []
    for row in work.plan.rows:
        dialogues = [block.dialogues[member] for member in row.members]
        split = dialogues[0].split
        digest: str | None = None
        texts: tuple[str, ...] = ()
        if row.id in kept:
            script = writer.interrupted(row.type, dialogues, row.rounds)
            scripts[row.id], digest = script, script_digest(script, split)
            texts = text_digests(script)
        members = tuple(
            Member(*block.places[member], block.dialogues[member].source_id)
            for member in row.members
        )
        plan.append(
            PlanRow(
                id=row.id,
                type=row.type,
                split=split,
                kept=row.id in kept,
                shortened=bool(row.rounds),
                ordinary=writer.ordinary(dialogues),
                changed=False,
                digest=digest,
                texts=texts,
                members=members,
            )
        )
    report = BlockReport(
        number=task.number,
        digest=task.digest,
        threshold=task.threshold,
        replies=dict(sorted(tally.replies.items())),
        **planned_of(work),
    )
    return _written(report, plan, scripts, Path(task.folder))


def distract_block(task: StageTask) -> BlockReport:
    """Adds statements to the scripts of a block."""
    found, tally = task.found(), Tally()
    writer = scriptwriter_of(task.recipe, task.fingerprints)
    writer = replace(writer, reply=tally.counted(writer.reply))
    scripts = {
        row.id: found.scripts[row.id] if row.ordinary else writer.distracted(found.scripts[row.id])
        for row in found.plan
        if row.kept
    }
    plan = [
        replace(
            row,
            digest=script_digest(scripts[row.id], row.split),
            texts=text_digests(scripts[row.id]),
        )
        if row.kept
        else row
        for row in found.plan
    ]
    replies = Counter(found.report.replies) + tally.replies
    report = replace(found.report, replies=dict(sorted(replies.items())))
    return _written(report, plan, scripts, Path(task.out))


def _written(
    report: BlockReport, plan: list[PlanRow], scripts: dict[str, Script], out: Path
) -> BlockReport:
    files = [
        write_scripts(plan, scripts, out, scripts_file(report.number)),
        write_plan(plan, out, plan_file(report.number)),
    ]
    return replace(report, files=files)


def slice_block(task: StageTask) -> BlockReport:
    """Cuts the scripts of a block into slices, and lays these out in time."""
    found, out = task.found(), Path(task.out)
    slicer = scriptwriter_of(task.recipe, task.fingerprints).slicer
    files = [
        write_slices(_sliced(found, slicer, task), out, slices_file(task.number)),
        write_plan(found.plan, out, plan_file(task.number)),
    ]
    return replace(found.report, files=files)


def _sliced(
    found: Found, slicer: Slicer, task: StageTask
) -> Iterator[list[tuple[SlicedScript, Split]]]:
    recipe = task.recipe
    rows = iter([row for row in found.plan if row.kept])
    while batch := list(islice(rows, SLICED_AT_ONCE)):
        scripts = [found.scripts[row.id] for row in batch]
        sliced = slice_scripts(scripts, slicer, recipe.seed, recipe.tail_idle)
        for one in sliced:
            fault = next(faults(one, slicer, recipe), None) if one.script.id in found.new else None
            if fault:
                where = Path(task.here) / scripts_file(task.number)
                raise FolderError(f"{where}: {one.script.id}: {fault}")
        yield [(one, row.split) for one, row in zip(sliced, batch, strict=True)]


def export_block(task: StageTask) -> BlockReport:
    """Renders a block as the rows of a run."""
    here = Path(task.here)
    plan = {row.id: row for row in read_plan(here / plan_file(task.number)) if row.kept}
    tally, files = Tally(), []

    def of_split(split: Split) -> Iterator[SlicedScript]:
        for sliced, whose in read_slices(here / slices_file(task.number)):
            if whose == split:
                tally.add(sliced, task.recipe)
                tally.splits[split] += 1
                tally.shortened[sliced.script.type] += plan[sliced.script.id].shortened
                yield sliced

    for split in SPLITS:
        if any(row.split == split for row in plan.values()):
            scripts = of_split(split)
            files.append(write_shard(task.recipe.format, task.out, task.number, split, scripts))
    tally.shortened = +tally.shortened
    changed = Counter(row.type for row in plan.values() if row.changed)
    counted = {**tally.counts(), "replies": task.report.replies}
    return replace(task.report, files=files, changed=dict(sorted(changed.items())), **counted)
