"""Pass two, for one block: interrupt, generate, slice, export; and its report."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .block_report import BlockReport, PlanReport, report_path
from .block_work import BlockTask, Work, begin, begin_again, count_reply
from .dialogue import SPLITS, Ask, Reply, Script, Split
from .export import FORMATS
from .export.shards import WrittenFile, joined, write_parquet, write_text
from .garbage import LARGE_OF_ROWS, give_large_back
from .generate import WRITERS
from .load.block import AnyBlock, Block
from .markers import count_defused
from .plain_rows import are_plain, plain_spoken
from .plan import Plan, PlannedRow, sample_rank
from .recipe import Recipe
from .slice.columns import SlicedRows, spoken_of
from .slice.schedule import slice_spoken

_GROUP_PAIRS = 150_000
"""Slice pairs a row group: some 20 MB in memory, far below what the Hub's viewer refuses."""

SLICED_AT_ONCE = 256
"""Scripts: enough for arithmetic on all their texts to pay, few enough to stay in a cache."""

_PLAIN_AT_ONCE = 1024
"""The same of rows that are whole dialogues, which are shorter than others."""


def plan_task(task: BlockTask) -> PlanReport:
    """Plans a block and says how its rows rank."""
    work = begin(task)
    return PlanReport(
        number=task.number,
        digest=task.digest,
        ranks=[sample_rank(row.id, task.recipe.seed) for row in work.plan.rows],
        **planned_of(work.plan, work.block),
    )


def build_task(task: BlockTask) -> BlockReport:
    """Builds a block: its shards and its report are on disk when this returns."""
    recipe, tally = task.recipe, Tally()
    asks = WRITERS[recipe.llm].asks
    work = begin_again(task) if asks else begin(task)
    block, plan, kept = work.block, work.plan, work.rows
    made: dict[str, Script] = {}
    if asks:
        from .block_asks import write_rows  # with what talks to the store

        written = write_rows(task, work, kept)
        made, tally.replies, tally.refused = written.scripts, written.replies, written.refused
        tally.unbuilt = Counter(row.type for row, _ in written.left_out)
        plan = plan.without(written.left_out)
        kept = [row for row in kept if row.id in made]
    files = []
    for split in SPLITS:
        rows = [row for row in kept if block.split(row.members[0]) == split]
        if rows:
            batches = _sliced_rows(rows, work, made, tally)
            tally.splits[split] += len(rows)
            files.append(write_shard(recipe.format, task.folder, task.number, split, batches))
    report = BlockReport(
        number=block.number,
        digest=task.digest,
        threshold=task.threshold,
        files=files,
        **planned_of(plan, block),
        **tally.counts(),
    )
    write_text(json.dumps(asdict(report)), Path(task.folder), report_path(block.number))
    return report


def planned_of(plan: Plan, block: AnyBlock) -> dict[str, Any]:
    """What a report says of a block's plan."""
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
    refused: Counter[str] = field(default_factory=Counter)
    unbuilt: Counter[str] = field(default_factory=Counter)
    shortened: Counter[str] = field(default_factory=Counter)
    defused: int = 0

    def add(self, rows: SlicedRows, recipe: Recipe) -> None:
        """Counts rows."""
        spoken = rows.spoken
        self.written.update(spoken.types)
        self.languages.update(spoken.languages)
        self.generators.update(spoken.generators)
        for row_type, pairs in zip(spoken.types, rows.pairs.tolist(), strict=True):
            self.pairs[row_type] += pairs
        chosen = np.zeros(len(spoken.begins), dtype=np.bool_)
        chosen[spoken.joined] = True
        texts = [text.decode() for text in spoken.texts(chosen)]
        self.defused += sum(count_defused(text, recipe.markers) for text in texts)

    def counts(self) -> dict[str, Any]:
        """What a report says of a block's rows."""
        sums = {
            name: _sorted(getattr(self, name))
            for name in (
                *("written", "splits", "languages", "generators"),
                *("pairs", "shortened", "replies", "refused", "unbuilt"),
            )
        }
        return {**sums, "defused": self.defused}

    def counted(self, reply: Callable[[Ask], Reply]) -> Callable[[Ask], Reply]:
        """The writer's function, each of whose replies is counted by kind and origin."""

        def counted_reply(ask: Ask) -> Reply:
            replied = reply(ask)
            count_reply(self.replies, ask, replied)
            return replied

        return counted_reply


def _by_type(plan: Plan) -> dict[str, int]:
    return _sorted(Counter([row.type for row in plan.rows]))


def _in_rows(plan: Plan) -> dict[str, int]:
    """How many of the drawn dialogues are in a row, by type."""
    return _sorted(Counter([row.type for row in plan.rows for _member in row.members]))


def _left_out(plan: Plan, block: AnyBlock) -> list[list[Any]]:
    return [[*_where(one.member, block), one.type, one.reason] for one in plan.left_out]


def _unused(plan: Plan, block: AnyBlock) -> list[list[Any]]:
    """The dialogues that were left out of every type they were drawn for, once each."""
    if not plan.left_out:
        return []
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


def _sliced_rows(
    rows: Sequence[PlannedRow], work: Work, made: Mapping[str, Script], tally: Tally
) -> Iterator[SlicedRows]:
    """The scripts of rows, sliced; those that are not made already are written."""
    recipe = work.writer.recipe
    writer = work.writer_with(tally.counted(work.writer.reply))
    plain: Block | None = None
    if not made and isinstance(work.block, Block) and are_plain(rows, recipe):
        plain = work.block
    else:  # scripts are many small pieces, that come to lie between the large ones
        give_large_back(LARGE_OF_ROWS)
    count = SLICED_AT_ONCE if plain is None else _PLAIN_AT_ONCE
    for begin_at in range(0, len(rows), count):
        batch = rows[begin_at : begin_at + count]
        tally.shortened.update([row.type for row in batch if row.rounds])
        if plain is not None:
            spoken = plain_spoken(batch, plain, recipe)
        else:
            scripts = [made.get(row.id) or work.script(row, writer) for row in batch]
            spoken = spoken_of(scripts, recipe.seed)
        sliced = slice_spoken(spoken, work.slicer, recipe.tail_idle)
        tally.add(sliced, recipe)
        yield sliced


def write_shard(
    row_format: str, folder: str, number: int, split: Split, batches: Iterable[SlicedRows]
) -> WrittenFile:
    """Writes the rows of a block that go to one split."""
    rendering = FORMATS[row_format]
    tables = _row_groups(batches, rendering.render)
    path = f"data/{split}-{number:05d}.parquet"
    return write_parquet(tables, rendering.schema, Path(folder), path)


def _row_groups(
    batches: Iterable[SlicedRows], render: Callable[[SlicedRows], pa.Table]
) -> Iterator[pa.Table]:
    """The rows of scripts, a table a row group."""
    group: list[pa.Table] = []
    pairs = 0
    for batch in batches:
        table, begin = render(batch), 0
        after = np.cumsum(batch.pairs)
        while begin < table.num_rows:
            before = int(after[begin - 1]) if begin else 0
            # A group is full with the row that fills it.
            full = int(np.searchsorted(after, before + _GROUP_PAIRS - pairs)) + 1
            end = min(full, table.num_rows)
            group.append(table.slice(begin, end - begin))
            pairs += int(after[end - 1]) - before
            begin = end
            if full <= table.num_rows:
                whole, group, pairs = joined(group), [], 0
                yield whole
                del whole  # each is tens of megabytes, and none is needed beside the next
    if group:
        whole, group = joined(group), []
        yield whole
