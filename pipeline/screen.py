"""What a run tells the user while it works: lines on standard error."""

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

_EVERY_TERMINAL = 0.2
_EVERY_LOG = 10.0


@dataclass(slots=True)
class Screen:
    """Lines on a stream, and one line of progress that a terminal shows in place."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _shown: float = field(default_factory=time.monotonic)
    _in_place: bool = False

    def say(self, text: str) -> None:
        """A line that stays."""
        self._end_line()
        print(text, file=self.stream, flush=True)

    def progress(self, text: str) -> None:
        """How far it is: in place on a terminal, a line every 10 s in a log."""
        terminal = self.stream.isatty()
        now = time.monotonic()
        if now - self._shown < (_EVERY_TERMINAL if terminal else _EVERY_LOG):
            return
        self._shown = now
        if terminal:
            print(f"\r\x1b[K{text}", end="", file=self.stream, flush=True)
            self._in_place = True
        else:
            print(text, file=self.stream, flush=True)

    def _end_line(self) -> None:
        if self._in_place:
            print(file=self.stream)
            self._in_place = False
