"""Blocks whose rows ask a model, in rounds: planned, asked, looked at again, built.

Worker processes write the scripts of some rows as far as replies are stored, and say which
requests are wanted; this process asks; a row whose replies have come is looked at again,
until nothing is wanted. A block is built when none of its rows wants anything. So a row
waits for its own replies alone, and the server has always something to do.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from .block_asks import AnyTask, AskReport, AskTask, Steps
from .block_report import BlockReport
from .engine import POOLS, Pool
from .errors import RequestFailed
from .generate import used
from .generate.asking import AnyAsking, Usage
from .generate.means import Means
from .generate.store import Store
from .recipe import Recipe
from .screen import Screen

Task = TypeVar("Task")
Result = TypeVar("Result")

_ROWS_AT_ONCE = 128
"""Rows that a worker looks at in one go: some 50 ms."""

_SILENCE = 1.0
"""Seconds without an event after which what was used is shown: a server may be down."""


@dataclass(frozen=True, slots=True)
class Answering:
    """Who is asked, how, and who looks at the replies.

    Attributes:
        recipe: of the run.
        means: how replies are had.
        engine: where workers run.
        workers: how many.
        screen: where to say what was used.
    """

    recipe: Recipe
    means: Means | None
    engine: str
    workers: int
    screen: Screen


def build_in_rounds(
    tasks: Iterator[AnyTask],
    steps: Steps[AnyTask],
    answering: Answering,
    show: Callable[[Usage], None],
) -> Generator[BlockReport]:
    """Asks what the rows of blocks want, and builds the blocks.

    Args:
        tasks: drawn as there is room for more.
        steps: what is done with them.
        answering: who is asked.
        show: told what was used, whenever something has happened.

    Raises:
        RefusedError: the server refuses for good.
        AskingError: replies cannot be had; those that came are stored.
        BuildError: a worker died, or a block cannot be built.
    """
    means, recipe, screen = answering.means or Means(), answering.recipe, answering.screen
    path = means.store(recipe)
    screen.say(f"replies: {path}")
    with closing(Store(path)) as store:
        asking = means.asking(recipe, store, show, screen.say)
        try:
            with asking, POOLS[answering.engine](answering.workers) as pool:
                rounds = Rounds(steps, pool, answering.workers, asking, lambda: show(asking.usage))
                yield from rounds.run(replace(task, store=str(path)) for task in tasks)
        finally:
            show(asking.usage)
            screen.say(used.told(asking.usage))
            if asking.unfinished:
                screen.say(asking.unfinished)


@dataclass(slots=True)
class _Open(Generic[AnyTask]):
    """A block whose rows are asked for.

    Attributes:
        kept: its rows; -1 until a worker has counted them.
        begun: rows that were looked at, once at least.
        under_way: rows that a worker has.
        waiting: by row, how many replies it waits for.
        ready: rows whose replies have come.
    """

    task: AnyTask
    kept: int = -1
    begun: int = 0
    under_way: int = 0
    waiting: dict[int, int] = field(default_factory=dict)
    ready: deque[int] = field(default_factory=deque)

    @property
    def is_complete(self) -> bool:
        """Whether none of its rows wants anything."""
        return self.begun == self.kept and not (self.under_way or self.waiting or self.ready)


@dataclass(slots=True)
class Rounds(Generic[AnyTask]):
    """Drives blocks through their rounds.

    Attributes:
        steps: what workers do.
        pool: of workers.
        workers: how many there are.
        asking: how replies are had.
        show: told whenever something has happened.
    """

    steps: Steps[AnyTask]
    pool: Pool
    workers: int
    asking: AnyAsking
    show: Callable[[], None]
    _open: dict[int, _Open[AnyTask]] = field(default_factory=dict)
    _asked: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _busy: int = 0
    _events: SimpleQueue[Callable[[], BlockReport | None]] = field(default_factory=SimpleQueue)

    def run(self, tasks: Iterator[AnyTask]) -> Iterator[BlockReport]:
        """Gives the report of each block, as it is built.

        Raises:
            RefusedError: the server refuses for good.
            AskingError: replies cannot be had; those that came are stored.
            BuildError: a worker died, or a block cannot be built.
        """
        while True:
            self._give_work(tasks)
            if not self._busy and not self._asked:
                return
            if self._is_idle:
                self.asking.idle()
            report = self._next_event()()
            if report is not None:
                yield report
            self.show()

    def _next_event(self) -> Callable[[], BlockReport | None]:
        """Waits for it; what is tried again and again meanwhile is shown."""
        while True:
            with suppress(Empty):
                return self._events.get(timeout=_SILENCE)
            self.show()

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is done before replies come."""
        return not self._busy and self._events.empty()

    def _give_work(self, tasks: Iterator[AnyTask]) -> None:
        """Keeps the workers busy: with what is nearest to its end first."""
        while self._busy < 2 * self.workers:
            block = next((one for one in self._open.values() if one.is_complete), None)
            if block is not None:
                del self._open[block.task.number]
                self._submit(self.steps.build, self._with_failed(block.task), _as_it_is)
                continue
            # While much is asked for, ready rows may gather; a task of one is mostly overhead.
            enough = min(_ROWS_AT_ONCE // 2, 1 + len(self._asked) // 8)
            if self.asking.in_jobs and self._is_idle:
                enough = 1  # the others may take a day
            block = next((one for one in self._open.values() if len(one.ready) >= enough), None)
            if block is not None:
                count = min(len(block.ready), _ROWS_AT_ONCE)
                self._look(block, tuple(block.ready.popleft() for _ in range(count)))
                continue
            if len(self._asked) >= self.asking.wanted_at_once:
                return
            block = next((one for one in self._open.values() if one.begun < one.kept), None)
            if block is not None:
                first = block.begun
                block.begun = min(block.kept, first + _ROWS_AT_ONCE)
                self._look(block, tuple(range(first, block.begun)))
                continue
            if any(one.kept < 0 for one in self._open.values()):
                return
            task = next(tasks, None)
            if task is None:
                return
            self._open[task.number] = _Open(task)
            self._look(self._open[task.number], ())

    def _look(self, block: _Open[AnyTask], rows: tuple[int, ...]) -> None:
        block.under_way += len(rows)
        self._submit(self.steps.look, AskTask(self._with_failed(block.task), rows), self._looked)

    def _with_failed(self, task: AnyTask) -> AnyTask:
        return replace(task, failed=frozenset(self._failed)) if self._failed else task

    def _submit(
        self,
        function: Callable[[Task], Result],
        task: Task,
        then: Callable[[Result], BlockReport | None],
    ) -> None:
        self._busy += 1

        def done(future: Future[Result]) -> None:
            self._events.put(partial(self._done, future, then))

        self.pool.submit(function, task).add_done_callback(done)

    def _done(
        self, future: Future[Result], then: Callable[[Result], BlockReport | None]
    ) -> BlockReport | None:
        self._busy -= 1
        return then(self.pool.result(future))

    def _looked(self, report: AskReport) -> None:
        """A worker has said what rows want."""
        block = self._open[report.number]
        block.kept = report.kept
        block.under_way -= len(report.rows)
        for row, wanted in report.wanted.items():
            block.waiting[row] = len(wanted)
            for request in wanted:
                waiting = self._asked.setdefault(request.key, [])
                waiting.append((report.number, row))
                if len(waiting) == 1:
                    reply = self.asking.submit(request)
                    reply.add_done_callback(partial(self._tell_replied, request.key))

    def _tell_replied(self, key: str, reply: Future[str]) -> None:
        """In another thread: a reply is stored, or will not come."""
        self._events.put(partial(self._replied, key, reply))

    def _replied(self, key: str, reply: Future[str]) -> None:
        error = reply.exception()
        if isinstance(error, RequestFailed):
            self._failed.add(key)
        elif error is not None:
            raise error
        for number, row in self._asked.pop(key):
            block = self._open[number]
            block.waiting[row] -= 1
            if not block.waiting[row]:
                del block.waiting[row]
                block.ready.append(row)


def _as_it_is(report: BlockReport) -> BlockReport:
    return report
