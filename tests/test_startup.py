"""What a command settles before it imports what is heavy, and what its workers have."""

import gc
import json
import os
import platform
import subprocess
import sys
import sysconfig
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.engine.cores import available_cores
from duplexdata.pipeline.garbage import SELDOM, collected_by_hand, tidy

from .conftest import file_of

SETTLED = ("OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_MEMORY_POOL")


def told_by(code: str, **environment: str) -> Any:
    """The JSON that a process of this Python prints."""
    inherited = {key: held for key, held in os.environ.items() if key not in SETTLED}
    ended = subprocess.run(
        [sys.executable, "-c", f"import gc, json, os, sys\n{code}"],
        check=False,
        capture_output=True,
        text=True,
        env={**inherited, **environment},
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


COLLECTIONS = """
passes = []
gc.callbacks.append(lambda phase, _: passes.append(phase))
{start}
from duplexdata.pipeline import commands
print(json.dumps(len(passes) // 2))
"""


def test_imports_are_not_searched_for_cycles_again_and_again() -> None:
    """A look every 50,000 objects, not every 700."""
    start = "from duplexdata.pipeline.startup import start_light; start_light()"
    before, after = (told_by(COLLECTIONS.format(start=one)) for one in ("", start))
    assert after < 20 < before


THREADS = """
from duplexdata.pipeline.startup import start_light
start_light()
import numpy
print(json.dumps([os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task"))]))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_numpy_starts_no_threads() -> None:
    """They would spin for work that does not come; who wants more of them can say so."""
    assert told_by(THREADS) == ["1", 1]
    assert told_by(THREADS, OPENBLAS_NUM_THREADS="2")[0] == "2"


POOL = """
from duplexdata.pipeline.startup import start_light
start_light()
import pyarrow as pa
print(json.dumps(pa.default_memory_pool().backend_name))
"""


def test_arrow_allocates_as_all_else_does() -> None:
    """Who wants another allocator can say so."""
    assert told_by(POOL) == "system"
    assert told_by(POOL, ARROW_DEFAULT_MEMORY_POOL="mimalloc") == "mimalloc"


GIVEN_BACK = """
from duplexdata.pipeline.startup import start_light
start_light()
import pyarrow as pa
from duplexdata.pipeline.garbage import SELDOM, tidy
def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
buffers = [pa.py_buffer(bytes(100_000)) for _ in range(600)]
arrays = [pa.array([b"x" * 100_000]) for _ in range(600)]
last = arrays[-1], buffers[-1]
del arrays, buffers
before = held()
for _ in range(SELDOM):
    tidy()
print(json.dumps(before - held()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")
def test_memory_that_is_free_is_given_back() -> None:
    """Most of 120 MB, though something at their end is still in use."""
    assert told_by(GIVEN_BACK) > 60_000_000


LARGE = """
from duplexdata.pipeline.garbage import LARGE, give_large_back
def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
give_large_back(LARGE)
del (first := [bytes(8_000_000)])[:]  # from which glibc would learn
before = held()
small, large = [], []
for _ in range(10):
    large.append(b"x" * 8_000_000)
    small.append([b"x" * 1_000 for _ in range(200)])
between = held()
del large
print(json.dumps([between - before, between - held()]))
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="what glibc learns from is what is tested"
)
def test_what_is_large_goes_back_from_between_what_is_small() -> None:
    """Without being asked for."""
    taken, given_back = told_by(LARGE)
    assert taken > 80_000_000
    assert given_back > 75_000_000


class _Ring:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.itself = self


def test_cycles_that_outlive_a_task_are_found_later() -> None:
    """What was in use when cycles were looked for, and is not any more, is let go of too."""
    with collected_by_hand():
        ring = _Ring()
        alive = weakref.ref(ring)
        tidy()
        del ring
        for _ in range(SELDOM):
            tidy()
        assert alive() is None
    assert gc.isenabled()  # and is again as it was


WORKER = """
from duplexdata.pipeline.ahead import begin_workers
from duplexdata.pipeline.engine import POOLS
from duplexdata.pipeline.recipe import Recipe
if __name__ == "__main__":
    assert begin_workers(Recipe("tdm", source=("sample",), llm="fake"), 2)
    with POOLS["local"](1) as pool:
        frozen = pool.result(pool.submit(eval, "__import__('gc').get_freeze_count()"))
        modules = pool.result(pool.submit(eval, "list(__import__('sys').modules)"))
    print(json.dumps([frozen, modules]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
def test_workers_have_what_they_need_before_they_are_forked() -> None:
    """Imported once, and never looked at again by who looks for cycles."""
    frozen, modules = told_by(WORKER)
    assert frozen > 50_000
    assert {"numpy.ma", "pyarrow.compute", "duplexdata.pipeline.block", "tiktoken"} <= set(modules)
    assert "pandas" not in modules


EARLY = """
from multiprocessing import forkserver
from duplexdata.pipeline.at_once import begin_workers_of
if __name__ == "__main__":
    begin_workers_of({words!r})
    began = forkserver._forkserver._forkserver_pid is not None
    print(json.dumps([began, "typer" in sys.modules or "pyarrow" in sys.modules]))
"""


@pytest.mark.skipif(
    sys.platform == "win32" or available_cores() < 2, reason="no server that forks, or one core"
)
def test_workers_of_what_surely_takes_them_begin_at_once(tmp_path: Path) -> None:
    """Of a build of two megabytes, with no flag by which it may be otherwise."""
    half, large = (str(file_of(size, tmp_path)) for size in (1_500_000, 2_000_001))
    for words, takes in [
        (["build", "--format", "tdm", "--source", large], True),
        (["build", f"--source={large}", "--seed", "1"], True),
        (["build", "--source", half, "--source", half], True),
        (["build", "--source", half], False),
        (["build", "--format", "tdm"], False),
        (["build", "--source", large, "--source", "no/such/file.jsonl"], False),
        (["build", "--source"], False),
        (["build", "--source", large, "--workers", "1"], False),
        (["build", "--source", large, "--workers", "4", "--workers=2"], True),
        (["build", "--source", large, "--workers", "many"], False),
        (["build", "--source", large, "--llm=fake"], False),
        (["build", "--source", large, "--config", "recipe.toml"], False),
        (["build", "--source", large, "--help"], False),
        (["load", "--source", large], False),
        ([], False),
    ]:
        assert told_by(EARLY.format(words=words)) == [takes, False], words


def imported_by(command: Sequence[str]) -> list[str]:
    """The modules that the processes of a command import, each as often as it is."""
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return [line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no server that forks")
def test_workers_of_the_installed_command_import_no_command_line(tmp_path: Path) -> None:
    """Python imports in a worker what the main process's script imports; it must be light."""
    script = Path(sysconfig.get_path("scripts")) / "duplexdata"
    flags = ("--format", "tdm", "--workers", "2", "--out", str(tmp_path / "out"))
    source = file_of(2_000_001, tmp_path)
    imported = imported_by([str(script), "build", "--source", str(source), *flags])
    names = ("typer", "duplexdata.cli", "duplexdata.pipeline.warm")
    assert [imported.count(name) for name in names] == [1, 1, 1]


def test_commands_that_look_at_rows_do_without_pandas(tmp_path: Path) -> None:
    """It is a third of what `show` would take, and pyarrow's idea."""
    command, out = (sys.executable, "-m", "duplexdata"), str(tmp_path / "out")
    imported_by([*command, "build", "--format", "tdm", "--source", "sample", "--out", out])
    for looks in (["validate", out], ["show", out], ["diff", out, out]):
        assert "pandas.core" not in imported_by([*command, *looks])
    assert "pandas.core" in imported_by([*command, "stats", out])  # whose tables are its own
