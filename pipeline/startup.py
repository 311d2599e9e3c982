"""What a process of the command line settles before it imports what is heavy."""

import atexit
import gc
import io
import os
import sys

_OBJECTS = 50_000
"""New objects until cycles are looked for; imports make five times as many, and keep them all."""


_WHOLE = {"utf-8", "utf8", "ascii", "us-ascii"}
"""Encodings that lack no letter; in place of ASCII typer writes UTF-8."""

SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Environment variables, where they are not set."""


def start_light() -> None:
    """Leaves out what takes a third of a second of a command and serves nothing in it.

    Python looks for cycles every 700 new objects while it imports, and once more at its end.
    numpy's library of linear algebra starts a thread a core, which spin while they wait for
    work; here comes none, so one will do. What arrow allocates goes back to the system with
    all else, see `garbage`; by itself it keeps as much again as it uses. The last two hold
    for the processes that this one starts, too.
    """
    gc.set_threshold(_OBJECTS)
    atexit.register(gc.freeze)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # Some encodings, as Windows has for a file, lack letters of what is told.
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in _WHOLE:
        stream.reconfigure(errors="backslashreplace")
