"""What a run tells the user while it works: lines on standard error."""

import json
import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, TextIO

_EVERY_TERMINAL = 0.5
_EVERY_LOG = 10.0
_INDENT = " " * 7


class Level(IntEnum):
    """How much is told."""

    QUIET = 0
    """Nothing; errors are told elsewhere."""
    NORMAL = 1
    VERBOSE = 2
    """A line a block, too."""


@dataclass(slots=True)
class Screen:
    """Lines on a stream, and some of progress that a terminal shows in place.

    Attributes:
        level: how much is told.
        stream: where.
        clock: seconds, from any begin.
    """

    level: Level = Level.NORMAL
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    _shown: float = field(init=False)
    _drawn: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        """The first progress is due one interval from here."""
        self._shown = self.clock()

    def say(self, text: str, level: Level = Level.NORMAL) -> None:
        """A line that stays, for who wants to be told as much."""
        if self.level < level:
            return
        with self._lock:
            self._clear()
            print(text, file=self.stream, flush=True)

    def due(self) -> bool:
        """Whether progress is to be shown: twice a second on a terminal, every 10 s in a log."""
        every = _EVERY_TERMINAL if self.in_place else _EVERY_LOG
        return self.level >= Level.NORMAL and self.clock() - self._shown >= every

    @property
    def in_place(self) -> bool:
        """Whether progress can be written over: on a terminal that knows how."""
        return self.stream.isatty() and os.environ.get("TERM") != "dumb"

    def progress(self, lines: Sequence[str], record: Mapping[str, Any]) -> None:
        """How far it is: these lines in place on a terminal, the record as JSON in a log."""
        with self._lock:
            self._shown = self.clock()
            if not self.in_place:
                print(json.dumps(record), file=self.stream, flush=True)
                return
            wide = max(20, shutil.get_terminal_size().columns - 1)
            wrapped = [
                part
                for line in lines
                for part in textwrap.wrap(line, wide, subsequent_indent=_INDENT) or [""]
            ]
            self._clear()
            print("\n".join(wrapped), end="", file=self.stream, flush=True)
            self._drawn = len(wrapped)

    def keep(self) -> None:
        """Leaves what a terminal shows in place where it is."""
        with self._lock:
            if self._drawn:
                print(file=self.stream, flush=True)
                self._drawn = 0

    def _clear(self) -> None:
        """Goes back to the begin of what is shown in place, and wipes it."""
        if self._drawn:
            up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
            print(f"\r{up}\x1b[J", end="", file=self.stream)
            self._drawn = 0
