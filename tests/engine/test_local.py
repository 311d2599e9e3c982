"""Blocks on this machine's processes."""

import errno
import operator
import os
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.engine import ENGINES, local
from duplexdata.pipeline.errors import BuildError
from duplexdata.pipeline.garbage import collected_by_hand

LOCAL = ENGINES["local"]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("tasks", [0, 1, 2, 20])
def test_results_come_in_the_tasks_order(workers: int, tasks: int) -> None:
    """Each task gives one result, in order, whatever the workers."""
    assert list(LOCAL(operator.neg, iter(range(tasks)), workers)) == [-n for n in range(tasks)]


PROCESS = "__import__('os').getpid()"
"""Says which process it is run in; a worker need import nothing of these tests."""


CYCLES = """(lambda made: (made.append(made), sum(
    type(one) is list and len(one) == 2 and one[0] == "a cycle" and one[1] is one
    for one in __import__("gc").get_objects()
))[1])(["a cycle"])"""
"""Makes a list that holds itself, and says how many such there are in the process."""


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_task_leaves_is_let_go_after_it(workers: int) -> None:
    """Also where the collector of cycles does not look by itself."""
    with collected_by_hand():
        assert list(LOCAL(eval, iter([CYCLES] * 6), workers)) == [1] * 6


@pytest.mark.parametrize("tasks", [1, 3])
def test_workers_that_are_ready_take_even_one_task(tasks: int) -> None:
    """Then this process has not loaded what a task takes, and need not."""
    where = list(LOCAL(eval, iter([PROCESS] * tasks), 2, ready=True))
    assert len(where) == tasks
    assert os.getpid() not in where
    assert list(LOCAL(eval, iter([PROCESS]), 2)) == [os.getpid()]


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("ready", [False, True])
def test_workers_that_are_renewed(workers: int, ready: bool) -> None:
    """No process has more than its share of the tasks, and none of these waits for ever."""
    where = LOCAL(eval, iter([PROCESS] * 25), workers, ready=ready, renewed_after=2)
    of_each = Counter(where)
    assert of_each.total() == 25
    assert max(of_each.values()) == 2


def test_a_worker_is_renewed_though_the_one_before_was_idle_once() -> None:
    """By itself a pool of Python 3.11 to 3.13 does not, and the tasks wait for ever."""
    pool = local.pool_of(1, renewed_after=2)
    tasks = [pool.submit(eval, PROCESS) for _ in range(10)]
    assert not wait(tasks, timeout=60).not_done
    assert len({task.result() for task in tasks}) == 5
    pool.shutdown()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_cannot_be_renewed_is_an_error_not_a_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread that starts the next is not the one that waits."""
    from multiprocessing.context import ForkServerProcess  # which Windows lacks

    started = ForkServerProcess.start

    def start(process: ForkServerProcess) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started(process)

    monkeypatch.setattr(ForkServerProcess, "start", start)
    monkeypatch.setattr(local, "_LOOKED_AFTER_SECONDS", 0.05)
    with pytest.raises(BuildError, match="a worker process could not be started"):
        list(LOCAL(eval, iter([PROCESS] * 25), 2, renewed_after=2))


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


FAILS = """
import sys
from duplexdata.pipeline.engine import ENGINES
waits = "__import__('threading').Event().wait()"
try:
    list(ENGINES["local"](eval, iter(["1 / 0", waits]), 2))
except ZeroDivisionError:
    print("ended")
"""


def test_a_task_that_fails_waits_for_no_other() -> None:
    """What the others are at may take long, or for ever."""
    done = subprocess.run(
        [sys.executable, "-c", FAILS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "ended\n"


def half_a_result(ready: str) -> None:
    """In a worker: sends the begin of a result, says so by a file, and never ends."""
    frame = sys._getframe()  # only the pool's own loop has the pipe
    while "result_queue" not in frame.f_locals:
        assert frame.f_back is not None
        frame = frame.f_back
    pipe = frame.f_locals["result_queue"]._writer
    os.write(pipe.fileno(), struct.pack("!i", 1_000_000) + b"half")
    Path(ready).touch()
    threading.Event().wait()


PROGRAM = """
import sys
from pathlib import Path
from duplexdata.pipeline.engine import POOLS
from duplexdata.tests.engine.test_local import half_a_result
try:
    with POOLS["local"](1) as pool:
        pool.submit(half_a_result, sys.argv[1])
        while not Path(sys.argv[1]).exists():
            pass
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("ended")
"""


def test_a_pool_ends_while_a_worker_sends_its_result(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a large result does not leave the reader waiting for its rest."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "ready"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "ended\n"


BETWEEN = """
import operator, os, signal, sys
from multiprocessing import reduction
from duplexdata.pipeline.engine import ENGINES, POOLS
sent = reduction.sendfds
def send(*given):
    signal.raise_signal(getattr(signal, sys.argv[1]))
    sent(*given)
signal.signal(signal.SIGTERM, signal.default_int_handler)
def run(way):
    if way == "pool":
        with POOLS["local"](1) as pool:
            pool.result(pool.submit(operator.neg, 1))
    else:
        list(ENGINES["local"](operator.neg, iter([1, 2, 3]), 2))
if __name__ == "__main__":
    run("pool")  # the server runs
    reduction.sendfds = send
    try:
        run(sys.argv[2])
    except KeyboardInterrupt:
        print("ended")
    reduction.sendfds = sent
    run("pool")  # and runs still
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("way", ["pool", "engine"])
def test_ctrl_c_while_a_process_is_asked_for(name: str, way: str) -> None:
    """It ends what was begun; the server that forks processes says nothing, and runs on."""
    done = subprocess.run(
        [sys.executable, "-c", BETWEEN, name, way],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("ended\n", "")


ASKS = """
import operator
from duplexdata.pipeline.engine import POOLS
from duplexdata.pipeline.errors import BuildError
try:
    with POOLS["local"](1) as pool:
        print(pool.result(pool.submit(operator.neg, 1)))
except BuildError as error:
    print(error)
"""
"""Has a worker process do something, and prints the result, or what is told in its place."""


def asks(before: str = "", **keywords: Any) -> str:
    """What it prints, and nothing on standard error."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, "-c", before + ASKS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        **keywords,
    )
    assert not done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
def test_a_long_folder_for_what_is_temporary(tmp_path: Path) -> None:
    """That of a job on a cluster is often too long for the address of a socket."""
    folder = tmp_path / ("job" * 40)
    folder.mkdir()
    assert asks(env={**os.environ, "TMPDIR": str(folder)}) == "-1\n"
    assert not list(folder.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such bounds")
def test_a_process_that_may_not_be_started_is_told() -> None:
    """It is a bound of the machine, and no bug."""
    bound = "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (3, 3))"
    # what is imported later could not be opened
    before = f"import multiprocessing.connection, multiprocessing.queues\n{ASKS.splitlines()[1]}\n"
    told = asks(f"{before}from duplexdata.pipeline.engine import POOLS\n{bound}\n")
    assert "could not be started" in told
    assert "ulimit" in told


@pytest.mark.skipif(sys.platform == "win32", reason="it cannot be removed there")
def test_workers_where_no_process_can_begin(tmp_path: Path) -> None:
    """One may stand where one may not go: as another user, or in what is no more."""
    (tmp_path / "gone").mkdir()
    told = asks("import os; os.rmdir(os.getcwd())", cwd=tmp_path / "gone")
    assert "cd to another" in told
