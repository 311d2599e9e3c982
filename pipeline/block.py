"""Pass two, for one block: interrupt, generate, slice, export; and its report."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .block_report import BlockReport, PlanReport, report_path
from .dialogue import SPLITS, Ask, Reply, Script, Split
from .errors import BuildError
from .export import FORMATS
from .export.shards import WrittenFile, write_parquet, write_text
from .garbage import collect
from .generate import WRITERS
from .interrupt.cuts import cut_places
from .interrupt.interaction import Setting
from .load.block import AnyBlock, Block, read_block
from .load.dialogue_rows import read_dialogues
from .markers import count_defused
from .materials import Materials, load_materials
from .plan import Plan, PlannedRow, plan_any_block, sample_rank
from .recipe import Recipe
from .scriptwriter import Scriptwriter
from .slice.schedule import SlicedScript, slice_scripts
from .slice.slicer import Slicer

_GROUP_PAIRS = 150_000
"""Slice pairs a row group: some 20 MB in memory, far below what the Hub's viewer refuses."""

SLICED_AT_ONCE = 256
"""Scripts: enough for arithmetic on all their texts to pay, few enough to stay small."""


@dataclass(frozen=True, slots=True)
class BlockTask:
    """One block to plan or build: where it lies, and what of it is kept.

    Attributes:
        folder: the run's folder.
        number: of the block.
        digest: of the block.
        file: the block's dialogues, handed over by a build, or Parquet of the stage before.
        threshold: the highest sample rank that is kept; None keeps all.
        fingerprints: of the materials that the run began with.
    """

    recipe: Recipe
    folder: str
    number: int
    digest: str
    file: str
    fingerprints: dict[str, Any]
    threshold: int | None = None


def plan_task(task: BlockTask) -> PlanReport:
    """Plans a block and says how its rows rank."""
    work = begin(task)
    return PlanReport(
        number=task.number,
        digest=task.digest,
        ranks=[sample_rank(row.id, task.recipe.seed) for row in work.plan.rows],
        **planned_of(work),
    )


def build_task(task: BlockTask) -> BlockReport:
    """Builds a block: its shards and its report are on disk when this returns."""
    work = begin(task)
    block, kept = work.block, kept_rows(work.plan, task)
    tally = Tally()
    files = []
    for split in SPLITS:
        rows = [row for row in kept if block.split(row.members[0]) == split]
        if rows:
            scripts = _sliced_scripts(rows, work, task.recipe, tally)
            tally.splits[split] += len(rows)
            files.append(write_shard(task.recipe.format, task.folder, task.number, split, scripts))
    report = BlockReport(
        number=block.number,
        digest=task.digest,
        threshold=task.threshold,
        files=files,
        **planned_of(work),
        **tally.counts(),
    )
    write_text(json.dumps(asdict(report)), Path(task.folder), report_path(block.number))
    del work, block, kept
    collect()
    return report


def planned_of(work: "Work") -> dict[str, Any]:
    """What a report says of a block's plan."""
    plan, block = work.plan, work.block
    return {
        "drawn": plan.drawn,
        "in_rows": _in_rows(plan),
        "planned": _by_type(plan),
        "left_out": _left_out(plan, block),
        "unused": _unused(plan, block),
        "ordinary": plan.ordinary,
    }


@dataclass(slots=True)
class Tally:
    """What is counted while a block's rows are made."""

    written: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    shortened: Counter[str] = field(default_factory=Counter)
    defused: int = 0

    def add(self, sliced: SlicedScript, recipe: Recipe) -> None:
        """Counts a row."""
        script = sliced.script
        self.written[script.type] += 1
        self.languages[script.language] += 1
        self.generators[script.generator] += 1
        self.pairs[script.type] += sliced.pairs
        self.defused += sum(count_defused(one.text, recipe.markers) for one in script.utterances)

    def counts(self) -> dict[str, Any]:
        """What a report says of a block's rows."""
        sums = {
            name: _sorted(getattr(self, name))
            for name in (
                *("written", "splits", "languages", "generators"),
                *("pairs", "shortened", "replies"),
            )
        }
        return {**sums, "defused": self.defused}

    def counted(self, reply: Callable[[Ask], Reply]) -> Callable[[Ask], Reply]:
        """The writer's function, each of whose replies is counted by kind and origin."""

        def counted_reply(ask: Ask) -> Reply:
            replied = reply(ask)
            self.replies[f"{ask.kind}/{replied.origin}"] += 1
            return replied

        return counted_reply


def _by_type(plan: Plan) -> dict[str, int]:
    return _sorted(Counter(row.type for row in plan.rows))


def _in_rows(plan: Plan) -> dict[str, int]:
    """How many of the drawn dialogues are in a row, by type."""
    return _sorted(Counter(row.type for row in plan.rows for _member in row.members))


def _left_out(plan: Plan, block: AnyBlock) -> list[list[Any]]:
    return [[*_where(one.member, block), one.type, one.reason] for one in plan.left_out]


def _unused(plan: Plan, block: AnyBlock) -> list[list[Any]]:
    """The dialogues that were left out of every type they were drawn for, once each."""
    used = {member for row in plan.rows for member in row.members}
    reasons: dict[int, str] = {}
    for one in plan.left_out:
        if one.member not in used:
            reasons.setdefault(one.member, one.reason)
    return [[*_where(member, block), reasons[member]] for member in sorted(reasons)]


def _where(member: int, block: AnyBlock) -> tuple[str, int, int | None, str]:
    """File, row, line and source id of a dialogue or script."""
    place = block.places[member]
    return place.file, place.row, place.line, block.source_id(member)


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


@dataclass(frozen=True, slots=True)
class Work:
    """A block, and all that its rows are made with."""

    block: AnyBlock
    slicer: Slicer
    writer: Scriptwriter
    plan: Plan

    def script(self, row: PlannedRow, writer: Scriptwriter) -> Script:
        """The script of a planned row."""
        if isinstance(self.block, Block):
            dialogues = [self.block.dialogues[member] for member in row.members]
            return writer.script(row.type, dialogues, row.rounds)
        script = writer.given(self.block.scripts[row.members[0]], row.rounds)
        if script is None:
            raise BuildError(f"the row {row.id} was planned, and cannot be cut")
        return script


def begin(task: BlockTask) -> Work:
    """Reads a block and plans it."""
    recipe = task.recipe
    file = Path(task.file)
    read = read_dialogues if file.suffix == ".parquet" else read_block
    block = read(task.number, file)
    writer = scriptwriter_of(recipe, task.fingerprints)
    return Work(block, writer.slicer, writer, plan_any_block(block, writer))


def scriptwriter_of(recipe: Recipe, fingerprints: Mapping[str, Any]) -> Scriptwriter:
    """Who writes the scripts of a block."""
    materials = same_materials(recipe, fingerprints)
    slicer = Slicer(materials.tokenizer, recipe.slice_tokens)
    setting = Setting(
        cut_places=cut_places(slicer),
        transitions=materials.transitions,
        stop_share=recipe.stop_share,
        markers=recipe.markers,
        answers_anew=WRITERS[recipe.llm].answers_anew,
        bare_share=recipe.bare_share,
    )
    return Scriptwriter(setting, materials.banks, slicer, recipe, WRITERS[recipe.llm].reply)


def same_materials(recipe: Recipe, fingerprints: Mapping[str, Any]) -> Materials:
    """The materials of the run, as they were when it began.

    Raises:
        BuildError: they are others now.
    """
    materials = load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks)
    if materials.fingerprints() != fingerprints:
        raise BuildError(
            "the tokenizer, transitions or statements changed while the run was going on; "
            "start it anew with --overwrite"
        )
    return materials


def kept_rows(plan: Plan, task: BlockTask) -> Sequence[PlannedRow]:
    """The planned rows that `--samples` keeps."""
    if task.threshold is None:
        return plan.rows
    seed = task.recipe.seed
    return [row for row in plan.rows if sample_rank(row.id, seed) <= task.threshold]


def _sliced_scripts(
    rows: Sequence[PlannedRow], work: Work, recipe: Recipe, tally: Tally
) -> Iterator[SlicedScript]:
    writer = replace(work.writer, reply=tally.counted(work.writer.reply))
    for begin_at in range(0, len(rows), SLICED_AT_ONCE):
        scripts = []
        for row in rows[begin_at : begin_at + SLICED_AT_ONCE]:
            scripts.append(work.script(row, writer))
            if row.rounds:
                tally.shortened[row.type] += 1
        for sliced in slice_scripts(scripts, work.slicer, recipe.seed, recipe.tail_idle):
            tally.add(sliced, recipe)
            yield sliced


def write_shard(
    row_format: str, folder: str, number: int, split: Split, scripts: Iterator[SlicedScript]
) -> WrittenFile:
    """Writes the rows of a block that go to one split."""
    rendering = FORMATS[row_format]
    tables = (rendering.render(group) for group in _row_groups(scripts))
    path = f"data/{split}-{number:05d}.parquet"
    return write_parquet(tables, rendering.schema, Path(folder), path)


def _row_groups(scripts: Iterator[SlicedScript]) -> Iterator[list[SlicedScript]]:
    group: list[SlicedScript] = []
    pairs = 0
    for one in scripts:
        group.append(one)
        pairs += one.pairs
        if pairs >= _GROUP_PAIRS:
            yield group
            group, pairs = [], 0
    if group:
        yield group
