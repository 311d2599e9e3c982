"""The server that forks this machine's worker processes.

Light to import: it is started before this process imports what it needs itself.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.context import BaseContext
from typing import Any

WANTED = "DUPLEXDATA_WARM"
"""The environment variable that names what the module is to load, as JSON."""

_LONGEST = 70
"""Bytes of a folder in which sockets can lie: of the 104 to 108 of an address, 32 are added."""


def start_server(module: str, wanted: Sequence[Any] | None) -> None:
    """Starts the server, if there is such a thing here and it does not run yet.

    Args:
        module: what it imports before it forks, so that no worker need.
        wanted: what that module is told, see `WANTED`.
    """
    if _is_there():
        os.environ[WANTED] = json.dumps(wanted)
        multiprocessing.get_context("forkserver").set_forkserver_preload([module])
        with suppress(OSError):  # told, if need be, where a process is asked for
            _run_server()


def process_context() -> BaseContext:
    """How worker processes are started.

    Not by fork: the threads of this process do not survive it. A server without threads
    forks them, where there is one: it needs a socket, and so a folder that it can lie in.
    """
    if _is_there():
        with suppress(OSError):
            _run_server()
            return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def _is_there() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _run_server() -> None:
    """Runs it so that Ctrl-C, or the end of a terminal, never reaches it or what it forks.

    A terminal sends either to all processes of a command; the server would end with a
    traceback while it still imports. A process inherits which signals are blocked.
    """
    from multiprocessing import resource_tracker
    from multiprocessing.forkserver import ensure_running

    _keep_sockets_short()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # it unblocks Ctrl-C, so it comes first
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _keep_sockets_short() -> None:
    """Has this command's sockets lie in /tmp, where TMPDIR is too long for their names.

    A job on a cluster often has a long one. What else is temporary stays where it was.
    """
    import tempfile
    from multiprocessing.util import get_temp_dir

    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) > _LONGEST:
        tempfile.tempdir = "/tmp"  # noqa: S108  # a folder of its own is made in it
        try:
            get_temp_dir()  # made once, and kept in mind
        finally:
            tempfile.tempdir = usual
