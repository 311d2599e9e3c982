"""Pass two, for one block: interrupt, generate, slice, export; and its report."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from .chance import Chance
from .dialogue import SPLITS, Ask, Reply, Split
from .export import FORMATS
from .export.shards import WrittenFile, write_parquet, write_text
from .generate import WRITERS, Writer, finish
from .interrupt import TYPES
from .interrupt.cuts import cut_places
from .interrupt.interaction import Setting
from .interrupt.transitions import load_transitions
from .load.block import Block, read_block
from .load.language import LANGUAGES
from .markers import count_defused
from .plan import Plan, PlannedRow, plan_block, sample_rank
from .recipe import Recipe
from .slice.schedule import SlicedScript, slice_script
from .slice.slicer import Slicer
from .slice.tokenizers import Tokenizer, load_tokenizer

_GROUP_PAIRS = 150_000
"""Slice pairs a row group: some 20 MB in memory, far below what the Hub's viewer refuses."""


@dataclass(frozen=True, slots=True)
class BlockTask:
    """One block to plan or build: where it lies, and what of it is kept.

    Attributes:
        folder: the run's folder.
        number: of the block.
        digest: of the block.
        file: the block's dialogues.
        threshold: the highest sample rank that is kept; None keeps all.
    """

    recipe: Recipe
    folder: str
    number: int
    digest: str
    file: str
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What became of a block; kept in the run's folder until the run is finished.

    Attributes:
        planned: rows to come, by type.
        left_out: rows that cannot be built: file, row, line, source id, type, reason.
        written: rows written, by type.
        splits: rows written, by split.
        languages: rows written, by language.
        generators: rows written, by generator.
        pairs: slice pairs written, by type.
        defused: markers defused in the texts of written rows.
        replies: replies by kind and origin, as `fuse/offline`.
        files: the shards.
    """

    number: int
    digest: str
    planned: dict[str, int]
    left_out: list[list[Any]]
    written: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    generators: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, int] = field(default_factory=dict)
    replies: dict[str, int] = field(default_factory=dict)
    defused: int = 0
    files: list[WrittenFile] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What could be built of a block, and how its rows rank, for `--samples`."""

    number: int
    digest: str
    planned: dict[str, int]
    left_out: list[list[Any]]
    ranks: list[int]


def plan_task(task: BlockTask) -> PlanReport:
    """Plans a block and says how its rows rank."""
    block, _slicer, _setting, plan = _planned(task)
    return PlanReport(
        number=task.number,
        digest=task.digest,
        planned=_by_type(plan),
        left_out=_left_out(plan, block),
        ranks=[sample_rank(row.id, task.recipe.seed) for row in plan.rows],
    )


def unwritten_report(plan: PlanReport) -> BlockReport:
    """The report of a block none of whose rows is kept."""
    return BlockReport(
        number=plan.number,
        digest=plan.digest,
        planned=plan.planned,
        left_out=plan.left_out,
    )


def build_task(task: BlockTask) -> BlockReport:
    """Builds a block: its shards and its report are on disk when this returns."""
    block, slicer, setting, plan = _planned(task)
    kept = _kept(plan, task)
    tally = _Tally()
    files = []
    for split in SPLITS:
        rows = [row for row in kept if block.dialogues[row.members[0]].split == split]
        if rows:
            scripts = _sliced_scripts(rows, block, slicer, setting, task.recipe, tally)
            tally.splits[split] += len(rows)
            files.append(_write_shard(task, split, scripts))
    report = BlockReport(
        number=block.number,
        digest=task.digest,
        planned=_by_type(plan),
        left_out=_left_out(plan, block),
        written=_sorted(tally.written),
        splits=_sorted(tally.splits),
        languages=_sorted(tally.languages),
        generators=_sorted(tally.generators),
        pairs=_sorted(tally.pairs),
        defused=tally.defused,
        replies=_sorted(tally.replies),
        files=files,
    )
    write_text(json.dumps(asdict(report)), Path(task.folder), report_path(block.number))
    return report


def report_path(number: int) -> str:
    """Where a block's report lies in the run's folder."""
    return f".work/blocks/{number:05d}.json"


def read_report(file: Path) -> BlockReport:
    """Reads a block's report."""
    values = json.loads(file.read_text("utf-8"))
    values["files"] = [WrittenFile(**one) for one in values["files"]]
    return BlockReport(**values)


@dataclass(slots=True)
class _Tally:
    """What is counted while a block's rows are made."""

    written: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    generators: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    defused: int = 0

    def add(self, sliced: SlicedScript, recipe: Recipe) -> None:
        script = sliced.script
        self.written[script.type] += 1
        self.languages[script.language] += 1
        self.generators[script.generator] += 1
        self.pairs[script.type] += sliced.pairs + recipe.tail_idle
        self.defused += sum(count_defused(one.text, recipe.markers) for one in script.utterances)

    def counted(self, writer: Writer) -> Writer:
        """The writer, each of whose replies is counted by kind and origin."""

        def write(ask: Ask) -> Reply:
            reply = writer(ask)
            self.replies[f"{ask.kind}/{reply.origin}"] += 1
            return reply

        return write


def _by_type(plan: Plan) -> dict[str, int]:
    return _sorted(Counter(row.type for row in plan.rows))


def _left_out(plan: Plan, block: Block) -> list[list[Any]]:
    found: list[list[Any]] = []
    for one in plan.left_out:
        place = block.places[one.member]
        source_id = block.dialogues[one.member].source_id
        found.append([place.file, place.row, place.line, source_id, one.type, one.reason])
    return found


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _planned(task: BlockTask) -> tuple[Block, Slicer, Setting, Plan]:
    recipe = task.recipe
    block = read_block(task.number, Path(task.file))
    slicer = Slicer(_tokenizer(recipe.tokenizer), recipe.slice_tokens)
    setting = Setting(
        cut_places=cut_places(slicer),
        transitions={
            language: load_transitions(language, recipe.transitions.get(language))
            for language in LANGUAGES
        },
        stop_share=recipe.stop_share,
        markers=recipe.markers,
    )
    return block, slicer, setting, plan_block(block, setting, recipe.rates, recipe.seed)


@lru_cache(maxsize=1)
def _tokenizer(name: str) -> Tokenizer:
    return load_tokenizer(name)  # once a process, not once a block


def _kept(plan: Plan, task: BlockTask) -> Sequence[PlannedRow]:
    if task.threshold is None:
        return plan.rows
    seed = task.recipe.seed
    return [row for row in plan.rows if sample_rank(row.id, seed) <= task.threshold]


def _sliced_scripts(
    rows: Sequence[PlannedRow],
    block: Block,
    slicer: Slicer,
    setting: Setting,
    recipe: Recipe,
    tally: _Tally,
) -> Iterator[SlicedScript]:
    writer = tally.counted(WRITERS[recipe.llm])
    for row in rows:
        dialogues = [block.dialogues[member] for member in row.members]
        chance = Chance(recipe.seed, tuple(dialogue.key for dialogue in dialogues))
        script = finish(TYPES[row.type].script(dialogues, chance, setting), writer)
        sliced = slice_script(script, slicer, recipe.seed)
        tally.add(sliced, recipe)
        yield sliced


def _write_shard(task: BlockTask, split: Split, scripts: Iterator[SlicedScript]) -> WrittenFile:
    rendering = FORMATS[task.recipe.format]

    def tables() -> Iterator[pa.Table]:
        for group in _row_groups(scripts):
            yield rendering.render(group, task.recipe.tail_idle)

    path = f"data/{split}-{task.number:05d}.parquet"
    return write_parquet(tables(), rendering.schema, Path(task.folder), path)


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
