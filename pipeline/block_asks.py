"""What the rows of a block ask a model, and the rows once all replies are there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from .block_work import BlockTask, Work, begin_again, count_reply
from .dialogue import Ask, Reply, Script
from .errors import AskingError
from .generate.live import LeaveOut, LiveWriter
from .generate.request import Request
from .generate.store import Replies
from .plan import TOO_LONG, PlannedRow


@dataclass(frozen=True, slots=True)
class AskTask:
    """Some rows of a block, whose requests are wanted.

    Attributes:
        block: of which.
        rows: their numbers among the rows that are kept; with none, they are only counted.
    """

    block: BlockTask
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AskReport:
    """What rows want.

    Attributes:
        number: of the block.
        kept: how many rows of it are kept.
        rows: that were looked at.
        wanted: by row, the requests whose replies it lacks; a row that lacks none is not there.
    """

    number: int
    kept: int
    rows: tuple[int, ...]
    wanted: dict[int, list[Request]]


def ask_task(task: AskTask) -> AskReport:
    """Writes the scripts of some rows as far as replies are there, and says what is wanted."""
    work = begin_again(task.block)
    live = live_writer(task.block, work)
    writer = work.writer_with(live.reply)
    wanted: dict[int, list[Request]] = {}
    for number in task.rows:
        row = work.rows[number]
        try:
            writer.script(row.type, work.dialogues_of(row), row.rounds)
        except LeaveOut:
            live.wanted.clear()
        if live.wanted:
            wanted[number] = list({one.key: one for one in live.wanted}.values())
            live.wanted.clear()
    return AskReport(task.block.number, len(work.rows), task.rows, wanted)


@dataclass(slots=True)
class Written:
    """The rows of a block, all replies being there.

    Attributes:
        scripts: by row id.
        left_out: rows that cannot be made, and why.
        replies: that were used, as `fuse/gpt-4o`; of statements each counts.
        refused: replies that were not, as `fuse/lost_words`.
    """

    scripts: dict[str, Script] = field(default_factory=dict)
    left_out: list[tuple[PlannedRow, str]] = field(default_factory=list)
    replies: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


def write_rows(task: BlockTask, work: Work, rows: Sequence[PlannedRow]) -> Written:
    """Writes the scripts of rows for whose asks all replies are stored.

    Raises:
        AskingError: a reply that was there is not any more.
    """
    live = live_writer(task, work)
    written = Written(refused=live.refused)
    used: Counter[str] = Counter()

    def counted(ask: Ask) -> Reply:
        reply = live.reply(ask)
        count_reply(used, ask, reply)
        return reply

    writer = work.writer_with(counted)
    most = task.recipe.max_tokens
    for row in rows:
        used.clear()
        try:
            script = writer.script(row.type, work.dialogues_of(row), row.rounds)
        except LeaveOut as why:
            written.left_out.append((row, why.reason))
            continue
        if live.wanted:
            raise AskingError(
                f"{task.store}: a reply was there and is not any more; was the store pruned?"
            )
        if most is not None and writer.tokens(script) > most:
            written.left_out.append((row, TOO_LONG))
            continue
        written.scripts[row.id] = script
        written.replies.update(used)
    return written


def live_writer(task: BlockTask, work: Work) -> LiveWriter:
    """The live writer of a block."""
    return LiveWriter(task.recipe, work.prompts, _replies(task.store or "").get, task.failed)


@lru_cache(maxsize=1)
def _replies(path: str) -> Replies:
    return Replies(Path(path))
