"""The server that forks this machine's worker processes.

Light to import: it is started before this process imports what it needs itself.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.context import BaseContext
from typing import Any

WANTED = "DUPLEXDATA_WARM"
"""The environment variable that names what the module is to load, as JSON."""


def start_server(module: str, wanted: Sequence[Any] | None) -> None:
    """Starts the server, if there is such a thing here and it does not run yet.

    Args:
        module: what it imports before it forks, so that no worker need.
        wanted: what that module is told, see `WANTED`.
    """
    if _is_there():
        os.environ[WANTED] = json.dumps(wanted)
        multiprocessing.get_context("forkserver").set_forkserver_preload([module])
        _run_server()


def process_context() -> BaseContext:
    """How worker processes are started.

    Not by fork: the threads of this process do not survive it. A server without threads
    forks them, where there is one.
    """
    if not _is_there():
        return multiprocessing.get_context("spawn")
    _run_server()
    return multiprocessing.get_context("forkserver")


def _is_there() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _run_server() -> None:
    """Runs it so that Ctrl-C never reaches it or what it forks.

    A terminal sends Ctrl-C to all processes of a command; the server would end with a
    traceback while it still imports. A process inherits which signals are blocked.
    """
    from multiprocessing import resource_tracker
    from multiprocessing.forkserver import ensure_running

    resource_tracker.ensure_running()  # it unblocks the signal, so it comes first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
