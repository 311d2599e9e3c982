"""This machine's processes."""

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import Any, Self, TypeVar

from ..errors import BuildError, is_of_machine
from ..garbage import tidy
from ..light_arrow import keep_pandas_out
from .server import process_context

_DIED = "a worker process died (often: out of memory); try fewer with --workers"
_NOT_STARTED = (
    "a worker process could not be started ({error}); try fewer with --workers, or have this "
    "machine allow more: processes (ulimit -u), open files (ulimit -n), /dev/shm"
)

_ENDING = {
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
}
"""What is sent to end a command."""

_LOOKED_AFTER_SECONDS = 5.0
"""Until it is seen whether anyone is left to start a process; results do not wait for it."""

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_local(
    function: Callable[[Task], Result],
    tasks: Iterator[Task],
    workers: int,
    *,
    ready: bool = False,
    renewed_after: int | None = None,
) -> Generator[Result]:
    """See `Engine`. A single task, or what has one worker, runs here, if none is ready.

    Raises:
        BuildError: a worker process died.
    """
    tidily = partial(_tidily, function)
    if workers <= 1:
        yield from map(tidily, tasks)
        return
    first = [] if ready else list(islice(tasks, 2))
    if len(first) < 2 and not ready:
        yield from map(tidily, first)
        return
    pool = pool_of(workers, renewed_after)
    try:
        yield from _in_order(pool, tidily, chain(first, tasks), ahead=2 * workers)
    except BrokenProcessPool as error:
        raise BuildError(_DIED) from error
    except BaseException:
        _kill(pool)
        raise
    finally:
        _shut_down(pool)


class LocalPool:
    """See `Pool`. Its processes are killed where an error ends it."""

    def __init__(self, workers: int) -> None:
        """Starts no process before there is a task."""
        self._pool = pool_of(workers)

    def submit(self, function: Callable[[Task], Result], task: Task) -> Future[Result]:
        """Has a process run a function on a task."""
        try:
            with _ctrl_c_waits(), _told_if_not_started():
                return self._pool.submit(_tidily, function, task)
        except BrokenProcessPool as error:
            raise BuildError(_DIED) from error

    def result(self, done: Future[Result]) -> Result:
        """The result of a task that is done.

        Raises:
            BuildError: its process died.
        """
        try:
            return done.result()
        except BrokenProcessPool as error:
            raise BuildError(_DIED) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            _kill(self._pool)
        _shut_down(self._pool)


class _NoneIdle(threading.Semaphore):
    """Has a pool start as many processes as it may, whoever may seem idle.

    Else a process that ended after its last task may get none in its place, and the tasks wait
    for ever: a pool counts each result of a process as one that is idle (python/cpython#115634,
    in Python 3.11 to 3.13 and the first of 3.14).
    """

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:  # noqa: ARG002
        return False

    def release(self, n: int = 1) -> None:
        pass


def pool_of(workers: int, renewed_after: int | None = None) -> ProcessPoolExecutor:
    """Processes that are started as there are tasks for them.

    Args:
        workers: how many there may be.
        renewed_after: see `Engine`.

    Raises:
        BuildError: there can be none here.
    """
    try:
        os.chdir(os.getcwd())  # noqa: PTH109  # as each will begin
    except OSError as error:
        told = f"no worker process can begin in this folder: {error.strerror}; cd to another"
        raise BuildError(told) from error
    with _told_if_not_started():
        pool = ProcessPoolExecutor(
            workers,
            mp_context=process_context(),
            initializer=_become_worker,
            max_tasks_per_child=renewed_after,
        )
        if renewed_after is not None:
            pool._idle_worker_semaphore = _NoneIdle()  # noqa: SLF001
        return pool


@contextmanager
def _told_if_not_started() -> Iterator[None]:
    """Tells what keeps a process from being started: a bound of this machine."""
    try:
        yield
    # The server that forks them has died where the other end is lost.
    except (OSError, EOFError) as error:
        raise BuildError(_NOT_STARTED.format(error=error)) from error
    except RuntimeError as error:  # a broken pool is one, too
        if not is_of_machine(error):
            raise
        raise BuildError(_NOT_STARTED.format(error=error)) from error


def _shut_down(pool: ProcessPoolExecutor) -> None:
    with suppress(RuntimeError):  # its thread could not be started
        pool.shutdown(wait=True, cancel_futures=True)


def _tidily(function: Callable[[Task], Result], task: Task) -> Result:
    """The result of a function on a task, after which its process is tidied up."""
    result = function(task)
    tidy()
    return result


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Puts Ctrl-C, and what is sent to end a command, off to the end of what is within.

    A task may start a process, which is two messages to the server that forks them. Between
    the two the server would end with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _in_order(
    pool: ProcessPoolExecutor,
    function: Callable[[Task], Result],
    tasks: Iterator[Task],
    ahead: int,
) -> Iterator[Result]:
    """The results in order, with at most `ahead` tasks under way."""
    under_way: deque[Future[Result]] = deque()
    for task in tasks:
        with _ctrl_c_waits(), _told_if_not_started():
            under_way.append(pool.submit(function, task))
        if len(under_way) >= ahead:
            yield _result(pool, under_way.popleft())
    while under_way:
        yield _result(pool, under_way.popleft())


def _result(pool: ProcessPoolExecutor, done: Future[Result]) -> Result:
    """The result of a task, once it is done.

    Raises:
        BuildError: no process could be started that would do it.
    """
    while not wait_for([done], _LOOKED_AFTER_SECONDS).done:
        # What starts a process in the place of another has no one to tell that it cannot.
        thread: Any = pool._executor_manager_thread  # noqa: SLF001
        if not (thread and thread.is_alive()) and not done.done():
            raise BuildError(_NOT_STARTED.format(error="it is told above"))
    return done.result()


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):  # noqa: SLF001  # kill_workers is 3.14
        process.kill()
    # One that was writing a result leaves half of it. Who reads waits for the rest until no
    # writing end of the pipe is open, and one is ours.
    if pool._result_queue is not None:  # noqa: SLF001  # as above
        pool._result_queue._writer.close()  # type: ignore[attr-defined]  # noqa: SLF001


def _become_worker() -> None:
    """Leaves Ctrl-C and the like to the parent, and ends when it does, however it dies."""
    keep_pandas_out()
    gc.disable()  # cycles are looked for after each task
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):  # one that is spawned begins with what its parent blocks
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel
        threading.Thread(target=lambda: (wait([sentinel]), os._exit(1)), daemon=True).start()
