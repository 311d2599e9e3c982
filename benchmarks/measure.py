"""Whole processes, from their start to their end, by the system's own accounting.

Wall time from before the process is started until it is reaped; CPU time of the process,
of all that it waited for, and of what it left behind (workers that a server forked are no
children of it), from `wait4`. Memory is watched in runs of its own, for the
watching costs time: every 20 ms the proportional set size (PSS: a page that n processes
share counts 1/n in each) of all processes of the session is summed, from
`/proc/*/smaps_rollup`, and the largest sum kept. Where a kernel has no smaps_rollup the
resident set size is summed instead, which counts shared pages once a process.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_WATCH_SECONDS = 0.02
_SHOWN_LINES = 20
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


class CommandError(RuntimeError):
    """A measured command failed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took.

    Attributes:
        seconds: of wall time.
        user: seconds of CPU, of it and its children.
        system: the same, in the kernel.
        peak: bytes of memory of all its processes together; None where not watched.
        output: what it printed.
    """

    seconds: float
    user: float
    system: float
    peak: int | None
    output: str

    @property
    def cpu(self) -> float:
        """Seconds of CPU."""
        return self.user + self.system


def memory_measure() -> str:
    """What `Measured.peak` sums on this machine."""
    if (_PROC / "self" / "smaps_rollup").is_file():
        return "PSS"
    return "RSS" if (_PROC / "self" / "statm").is_file() else "none"


def run(
    command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, watch_memory: bool = False
) -> Measured:
    """Runs a command to its end.

    Args:
        command: and its arguments.
        environment: added to this process's own.
        cwd: the folder it runs in.
        watch_memory: whether to find its peak; costs it time.

    Raises:
        CommandError: it failed; holds the end of what it said.
    """
    _adopt_orphans()
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as printed:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603  # the benchmark's own commands
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            env={**os.environ, **environment},
            cwd=cwd,
            start_new_session=True,
        )
        watch = _Watch(process.pid) if watch_memory else None
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            orphans = _reap_orphans(process.pid)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = watch.stop() if watch else None
        if process.returncode:
            said.seek(0)
            last = said.read().decode(errors="replace").splitlines()[-_SHOWN_LINES:]
            raise CommandError(
                f"exit {process.returncode}: {' '.join(command)}\n" + "\n".join(last)
            )
        printed.seek(0)
        output = printed.read().decode()
    user = usage.ru_utime + sum(one.ru_utime for one in orphans)
    system = usage.ru_stime + sum(one.ru_stime for one in orphans)
    return Measured(seconds, user, system, peak, output)


def _adopt_orphans() -> None:
    """Makes processes whose parent is gone children of this one, where the kernel can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def _reap_orphans(group: int) -> list[resource.struct_rusage]:
    """What the processes took that a command left behind, once they have ended."""
    found = []
    while True:
        try:
            found.append(os.wait4(-group, 0)[2])
        except ChildProcessError:
            return found


class _Watch:
    """Looks at a session's memory until it is stopped."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int | None:
        """The largest sum seen, in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak or None

    def _look(self) -> None:
        while not self._over.wait(_WATCH_SECONDS):
            self._peak = max(self._peak, sum(map(_memory, _processes(self._session))))


def _processes(session: int) -> Iterator[Path]:
    """The processes of a session, as their folders in /proc."""
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # After the name, which may hold anything but ends in the last bracket:
            # state, parent, process group, session.
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended
        if int(fields[3]) == session:
            yield folder


def _memory(process: Path) -> int:
    """Bytes of a process, 0 once it has ended."""
    try:
        if memory_measure() == "PSS":
            for line in (process / "smaps_rollup").read_text("ascii").splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
            return 0
        return int((process / "statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
