"""Blocks on this machine's processes."""

import operator
import os
from collections.abc import Iterator

import pytest

from duplexdata.pipeline.engine import ENGINES
from duplexdata.pipeline.errors import BuildError

LOCAL = ENGINES["local"]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("tasks", [0, 1, 2, 20])
def test_results_come_in_the_tasks_order(workers: int, tasks: int) -> None:
    """Each task gives one result, in order, whatever the workers."""
    assert list(LOCAL(operator.neg, iter(range(tasks)), workers)) == [-n for n in range(tasks)]


def test_tasks_are_drawn_as_workers_become_free() -> None:
    """Memory stays flat: no more tasks are drawn than are under way."""
    drawn = []

    def tasks() -> Iterator[int]:
        for number in range(30):
            drawn.append(number)
            yield number

    results = LOCAL(operator.neg, tasks(), 2)
    next(results)
    assert len(drawn) <= 5
    assert len(list(results)) == 29


def test_a_dead_worker_is_an_error_not_a_hang() -> None:
    """A worker that is killed stops the run with a line that says so."""
    with pytest.raises(BuildError, match="--workers"):
        list(LOCAL(os._exit, iter([1, 1, 1, 1]), 2))


def test_a_task_that_fails_fails_the_run() -> None:
    """An error in a worker reaches the caller as it is."""
    with pytest.raises(ValueError, match="x"):
        list(LOCAL(int, iter(["1", "x", "3"]), 2))
