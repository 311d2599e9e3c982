"""What each stage does with one block; it runs in whatever process an engine says."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ..block import SLICED_AT_ONCE, Tally, planned_of, write_shard
from ..block_asks import AskReport, AskTask, Replied, Steps, what_is_wanted
from ..block_report import BlockReport
from ..block_work import BlockTask, begin, begin_again, scriptwriter_of
from ..dialogue import SPLITS, Script, Split
from ..errors import FolderError
from ..generate import WRITERS
from ..generate.live import LeaveOut
from ..load.block import Block
from ..scriptwriter import Scriptwriter
from ..slice.columns import SlicedRows
from ..slice.schedule import SlicedScript, joined_rows, slice_scripts
from ..slice.slicer import Slicer
from .edits import Found, find_scripts, write_scripts
from .fits import check_edited, length_fault, place_fault
from .folder import plan_file, scripts_file, slices_file
from .frame import frame_of
from .plan_rows import Member, PlanRow, read_plan, script_digest, text_digests, write_plan
from .refusals import with_refusals
from .slice_rows import read_slices, write_slices


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTask(BlockTask):
    """One block of a stage that begins with the rows of another.

    Attributes:
        here: the folder of the stage before; `folder` is this stage's.
        report: what became of the block so far.
        sources: the files that were read, in order.
    """

    here: str
    report: BlockReport
    sources: tuple[str, ...]

    def found(self, slicer: Slicer, *, distracted: bool) -> Found:
        """The scripts of the stage before, of which those that a person changed keep the rules."""
        file = self.file_of_scripts
        found = find_scripts(Path(self.here) / plan_file(self.number), file, self.report)
        check_edited(found, file, slicer, self.recipe, distracted=distracted)
        return found

    @property
    def file_of_scripts(self) -> Path:
        """Where these scripts lie."""
        return Path(self.here) / scripts_file(self.number)

    def refuse(self, found: Found, script: Script, fault: str | None) -> None:
        """Raises a FolderError with the fault, if there is one, of a script that was changed."""
        if fault:
            number = found.new[script.id]
            raise FolderError(f"{self.file_of_scripts}, row {number} ({script.id}): {fault}")


def interrupt_block(task: BlockTask) -> BlockReport:
    """Plans a block and writes the scripts of the rows that are kept, without statements."""
    work = begin_again(task) if WRITERS[task.recipe.llm].asks else begin(task)
    block = work.block
    if not isinstance(block, Block):
        raise FolderError(f"{task.file} holds scripts, not dialogues")
    replied, replies = Replied(task, work.writer), Counter[str]()
    kept = {row.id for row in work.rows}
    scripts: dict[str, Script] = {}
    plan, left_out = [], []
    for row in work.plan.rows:
        dialogues = work.dialogues_of(row)
        members = tuple(
            Member(*block.places[member], block.dialogues[member].source_id)
            for member in row.members
        )
        planned = PlanRow(
            id=row.id,
            type=row.type,
            split=dialogues[0].split,
            kept=row.id in kept,
            shortened=bool(row.rounds),
            ordinary=work.writer.ordinary(dialogues),
            changed=False,
            refused=None,
            asked=(),
            digest=None,
            frame=None,
            texts=(),
            members=members,
        )
        if planned.kept:
            replied.begin()
            try:
                script = replied.writer.interrupted(row.type, dialogues, row.rounds)
                scripts[row.id] = replied.checked(script, whole=False)
            except LeaveOut as why:
                left_out.append((row, why.reason))
                planned = replace(planned, kept=False, refused=why.reason)
            else:
                replies.update(replied.used)
                planned = _as_written(planned, scripts[row.id], replied.used)
        plan.append(planned)
    report = BlockReport(
        number=task.number,
        digest=task.digest,
        threshold=task.threshold,
        replies=dict(sorted(replies.items())),
        refused=dict(sorted(replied.refused.items())),
        unbuilt=dict(sorted(Counter(row.type for row, _ in left_out).items())),
        **planned_of(work.plan.without(left_out), work.block),
    )
    return _written(report, plan, scripts, Path(task.folder))


def _as_written(row: PlanRow, script: Script, used: Counter[str]) -> PlanRow:
    return replace(
        row,
        asked=(*row.asked, *sorted(used.elements())),
        digest=script_digest(script, row.split),
        frame=frame_of(script),
        texts=text_digests(script),
    )


def ask_interrupt(task: AskTask[BlockTask]) -> AskReport:
    """What the scripts of some rows want before statements are added."""
    work = begin_again(task.block)

    def write(writer: Scriptwriter, number: int) -> None:
        row = work.rows[number]
        writer.interrupted(row.type, work.dialogues_of(row), row.rounds)

    return what_is_wanted(task, len(work.rows), work.writer, write)


def distract_block(task: StageTask) -> BlockReport:
    """Adds statements to the scripts of a block."""
    writer = scriptwriter_of(task.recipe, task.fingerprints)
    found = task.found(writer.slicer, distracted=False)
    replied = Replied(task, writer)
    replies = Counter(found.report.replies)
    scripts: dict[str, Script] = {}
    plan, left_out = [], []
    for row in found.plan:
        if not row.kept:
            plan.append(row)
            continue
        script = found.scripts[row.id]
        replied.begin()
        try:
            script = script if row.ordinary else replied.writer.distracted(script)
            scripts[row.id] = replied.checked(script)
        except LeaveOut as why:
            replies.subtract(row.asked)
            refused = replace(
                row, kept=False, refused=why.reason, digest=None, frame=None, texts=()
            )
            left_out.append(refused)
            plan.append(refused)
        else:
            if row.id in found.new:
                fault = length_fault(scripts[row.id], writer.slicer, task.recipe)
                task.refuse(found, script, fault)
            replies.update(replied.used)
            plan.append(_as_written(row, scripts[row.id], replied.used))
    report = with_refusals(found.report, plan, left_out, task.sources)
    unused = Counter(report.refused) + replied.refused
    report = replace(
        report, replies=dict(sorted((+replies).items())), refused=dict(sorted(unused.items()))
    )
    return _written(report, plan, scripts, Path(task.folder))


def ask_distract(task: AskTask[StageTask]) -> AskReport:
    """What the statements of some scripts want."""
    begun = _begun(_Kept(task.block.here, task.block.number, task.block))

    def write(writer: Scriptwriter, number: int) -> None:
        writer.distracted(begun.scripts[number])

    return what_is_wanted(task, len(begun.scripts), begun.writer, write)


@dataclass(frozen=True, slots=True)
class _Kept:
    here: str
    number: int
    task: StageTask = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Begun:
    scripts: list[Script]
    writer: Scriptwriter


@lru_cache(maxsize=4)
def _begun(kept: _Kept) -> _Begun:
    """The scripts of a block that get statements, which a process looks at several times."""
    writer = scriptwriter_of(kept.task.recipe, kept.task.fingerprints)
    found = kept.task.found(writer.slicer, distracted=False)  # before anything is asked for
    scripts = [found.scripts[row.id] for row in found.plan if row.kept and not row.ordinary]
    return _Begun(scripts, writer)


INTERRUPT = Steps(ask_interrupt, interrupt_block)
DISTRACT = Steps(ask_distract, distract_block)


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
    slicer, out = scriptwriter_of(task.recipe, task.fingerprints).slicer, Path(task.folder)
    found = task.found(slicer, distracted=True)
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
            if one.script.id in found.new:
                fault = place_fault(one) or length_fault(one.script, slicer, recipe)
                task.refuse(found, one.script, fault)
        yield [(one, row.split) for one, row in zip(sliced, batch, strict=True)]


def export_block(task: StageTask) -> BlockReport:
    """Renders a block as the rows of a run."""
    here = Path(task.here)
    plan = {row.id: row for row in read_plan(here / plan_file(task.number)) if row.kept}
    tally, files = Tally(), []

    def of_split(split: Split) -> Iterator[SlicedRows]:
        sliced = (
            one for one, whose in read_slices(here / slices_file(task.number)) if whose == split
        )
        while batch := list(islice(sliced, SLICED_AT_ONCE)):
            tally.splits[split] += len(batch)
            for one in batch:
                tally.shortened[one.script.type] += plan[one.script.id].shortened
            rows = joined_rows(batch, task.recipe.seed)
            tally.add(rows, task.recipe)
            yield rows

    for split in SPLITS:
        if any(row.split == split for row in plan.values()):
            batches = of_split(split)
            files.append(write_shard(task.recipe.format, task.folder, task.number, split, batches))
    tally.shortened = +tally.shortened
    changed = Counter(row.type for row in plan.values() if row.changed)
    earlier = ("replies", "refused", "unbuilt")
    counted = {**tally.counts(), **{name: getattr(task.report, name) for name in earlier}}
    return replace(task.report, files=files, changed=dict(sorted(changed.items())), **counted)
