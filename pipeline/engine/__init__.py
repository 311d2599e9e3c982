"""Engines: where blocks run. An engine is one file and one line here."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Protocol, Self, TypeVar

from .local import LocalPool, run_local

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs a function on tasks, several at once, and gives the results in the tasks' order."""

    def __call__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[Task],
        workers: int,
        *,
        ready: bool = False,
        renewed_after: int | None = None,
    ) -> Generator[Result]:
        """Tasks are drawn from the iterator only as workers become free.

        Args:
            function: what is run.
            tasks: on what.
            workers: how many at once.
            ready: whether they have loaded what they need, and this process has not.
            renewed_after: tasks after which another worker takes the place of one, whose memory
                becomes more with each.
        """


class Pool(Protocol):
    """Processes that run functions on tasks that come to be as others end."""

    def submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Has a process run a function on a task."""
        ...

    def result(self, done: Future[Result]) -> Result:
        """The result of a task that is done."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...


ENGINES: dict[str, Engine] = {"local": run_local}

POOLS: dict[str, Callable[[int], Pool]] = {"local": LocalPool}
"""The same engines, where it hangs on results what is to be done next."""
