"""What the rows of a block ask a model, and the rows once all replies are there."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from .block_report import BlockReport
from .block_work import BlockTask, Work, begin_again, count_reply, prompts_of
from .dialogue import Ask, Reply, Script
from .errors import AskingError
from .generate import WRITERS
from .generate.live import LeaveOut, LiveWriter
from .generate.request import Request
from .generate.store import Replies
from .plan import TOO_LONG, PlannedRow
from .scriptwriter import Scriptwriter

AnyTask = TypeVar("AnyTask", bound=BlockTask)


@dataclass(frozen=True, slots=True)
class AskTask(Generic[AnyTask]):
    """Some rows of a block, whose requests are wanted.

    Attributes:
        block: of which.
        rows: their numbers among the rows that are kept; with none, they are only counted.
    """

    block: AnyTask
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


@dataclass(frozen=True, slots=True)
class Steps(Generic[AnyTask]):
    """What workers do with blocks whose rows ask a model.

    Attributes:
        look: says what some rows of a block want.
        build: builds a block none of whose rows wants anything.
    """

    look: Callable[[AskTask[AnyTask]], AskReport]
    build: Callable[[AnyTask], BlockReport]


def ask_task(task: AskTask[BlockTask]) -> AskReport:
    """Writes the scripts of some rows as far as replies are there, and says what is wanted."""
    work = begin_again(task.block)

    def write(writer: Scriptwriter, number: int) -> None:
        work.script(work.rows[number], writer)

    return what_is_wanted(task, len(work.rows), work.writer, write)


def what_is_wanted(
    task: AskTask[AnyTask],
    kept: int,
    writer: Scriptwriter,
    write: Callable[[Scriptwriter, int], None],
) -> AskReport:
    """The requests that rows lack.

    Args:
        task: which rows.
        kept: how many rows of the block are kept.
        writer: of scripts, offline.
        write: writes the script of a row, by its number, with such a writer.
    """
    live = live_writer(task.block)
    asking = replace(writer, reply=live.reply)
    wanted: dict[int, list[Request]] = {}
    for number in task.rows:
        try:
            write(asking, number)
        except LeaveOut:
            live.wanted.clear()
        if live.wanted:
            wanted[number] = list({one.key: one for one in live.wanted}.values())
            live.wanted.clear()
    return AskReport(task.block.number, kept, task.rows, wanted)


class Replied:
    """Scripts of a block for whose asks all replies are there.

    Args:
        task: the block.
        writer: of its scripts, offline.

    Attributes:
        writer: of its scripts, with the replies of whom the recipe asks.
        used: the replies of the script that was begun last, as `fuse/gpt-4o`; of
            statements each counts.
        refused: replies that were not used, as `fuse/lost_words`.
    """

    def __init__(self, task: BlockTask, writer: Scriptwriter) -> None:
        """Writes nothing yet."""
        self._task = task
        self._offline = writer
        self._live = live_writer(task) if WRITERS[task.recipe.llm].asks else None
        self.used: Counter[str] = Counter()
        self.refused: Counter[str] = self._live.refused if self._live else Counter()
        self.writer = replace(writer, reply=self._reply)

    def begin(self) -> None:
        """Begins another script; what one that was left out still wants is of no account."""
        self.used.clear()
        if self._live is not None:
            self._live.wanted.clear()

    def _reply(self, ask: Ask) -> Reply:
        reply = (self._live or self._offline).reply(ask)
        count_reply(self.used, ask, reply)
        return reply

    def checked(self, script: Script, *, whole: bool = True) -> Script:
        """A script that was written with `writer`.

        Args:
            script: as it was written.
            whole: whether all that is to come is in it, so that its length is known.

        Raises:
            LeaveOut: replies have made it longer than the budget.
            AskingError: a reply that was there is not any more.
        """
        if self._live is None:
            return script
        if self._live.wanted:
            raise AskingError(
                f"{self._task.store}: a reply was there and is not any more; was the store pruned?"
            )
        most = self._task.recipe.max_tokens
        if whole and most is not None and self._offline.tokens(script) > most:
            raise LeaveOut(TOO_LONG)
        return script


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
    replied = Replied(task, work.writer)
    written = Written(refused=replied.refused)
    for row in rows:
        replied.begin()
        try:
            script = work.script(row, replied.writer)
            written.scripts[row.id] = replied.checked(script)
        except LeaveOut as why:
            written.left_out.append((row, why.reason))
        else:
            written.replies.update(replied.used)
    return written


def live_writer(task: BlockTask) -> LiveWriter:
    """The live writer of a block."""
    replies = _replies(task.store or "")
    return LiveWriter(task.recipe, prompts_of(task.recipe), replies.get, task.failed)


@lru_cache(maxsize=1)
def _replies(path: str) -> Replies:
    return Replies(Path(path))
