"""Engines: where blocks run. An engine is one file and one line here."""

from collections.abc import Callable, Generator, Iterator
from typing import Protocol, TypeVar

from .local import run_local, warm_up

__all__ = ["ENGINES", "Engine", "warm_up"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs a function on tasks, several at once, and gives the results in the tasks' order."""

    def __call__(
        self, function: Callable[[Task], Result], tasks: Iterator[Task], workers: int
    ) -> Generator[Result]:
        """Tasks are drawn from the iterator only as workers become free."""


ENGINES: dict[str, Engine] = {"local": run_local}
