"""How far a build is: a stage's rows, their speed, the time left, and what was rejected.

A build has one stage, `build`; with `--samples` another comes first, `plan`, that reads all.
Who works on it says what was read and done; a thread of its own shows it in time, however
long a block takes.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .generate import used
from .screen import Level, Screen

if TYPE_CHECKING:  # what talks to a server takes time to import
    from .generate.asking import Usage

_LOOKS = 0.25
"""Seconds between two looks at whether something is to be shown."""


@dataclass(frozen=True, slots=True)
class Sources:
    """How far the sources are read.

    Attributes:
        rows: that were read, rejects included.
        kept: of these, how many became dialogues.
        rejected: the others.
        share: of all, from the sizes of the files, or from `--limit`.
    """

    rows: int
    kept: int
    rejected: int
    share: float


@dataclass(slots=True)
class Progress:
    """The progress of a build, stage by stage.

    Attributes:
        screen: where it is shown.
        sources: tells how far they are read.
        usage: of a model so far; None where none was asked.
    """

    screen: Screen
    sources: Callable[[], Sources]
    usage: "Usage | None" = None
    _stage: str = ""
    _verb: str = ""
    _began: float = 0.0
    _done: int = 0
    _resumed: int = 0
    _blocks: int = 0
    _by_type: Counter[str] = field(default_factory=Counter)
    _earlier: int = 0
    _to_do: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, stage: str, verb: str, to_do: int | None = None) -> None:
        """A stage begins.

        Args:
            stage: its name, `plan` or `build`.
            verb: what becomes of a row in it, `planned` or `built`.
            to_do: its dialogues; None where they are told as the sources are read.
        """
        with self._lock:
            self._stage, self._verb, self._began = stage, verb, self.screen.clock()
            self._done = self._resumed = self._blocks = self._earlier = 0
            self._by_type, self._to_do = Counter(), to_do

    def did(self, number: int, dialogues: int, rows: Mapping[str, int]) -> None:
        """A block is done; its rows by type."""
        with self._lock:
            self._done += dialogues
            self._blocks += 1
            self._by_type.update(rows)
        self.screen.say(
            f"block {number}: {dialogues:,} dialogues, {sum(rows.values()):,} rows {self._verb}",
            Level.VERBOSE,
        )

    def kept(self, number: int, dialogues: int, rows: Mapping[str, int]) -> None:
        """A block was finished by an earlier try; its rows by type."""
        with self._lock:
            self._resumed += dialogues
            self._blocks += 1
            self._by_type.update(rows)
            self._earlier += sum(rows.values())
        self.screen.say(f"block {number}: {dialogues:,} dialogues, finished before", Level.VERBOSE)

    def used(self, usage: "Usage") -> None:
        """What was used of a model so far."""
        self.usage = usage

    def end(self) -> None:
        """The stage is done: its line stays."""
        lines, record = self.lines(), self.record()
        if self.screen.level < Level.NORMAL:
            return
        if self.screen.in_place:
            self.screen.progress(lines, record)
            self.screen.keep()
        else:
            self.screen.say("; ".join(line.strip() for line in lines))

    def look(self) -> None:
        """Shows how far it is, if that is due."""
        if self._stage and self.screen.due():
            self.screen.progress(self.lines(), self.record())

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Looks again and again, on a thread of its own, until it is left."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_LOOKS):
                self.look()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
            self.screen.keep()

    def record(self) -> dict[str, Any]:
        """All that is known of the stage, as JSON values."""
        sources = self.sources()
        with self._lock:
            seconds = self.screen.clock() - self._began
            rows = self._by_type.total()
            new = rows - self._earlier
            share = self._share(sources)
            left = self._seconds_left(share, seconds)
            told = {
                "stage": self._stage,
                "seconds": round(seconds, 1),
                "share": None if share is None else round(share, 4),
                "seconds_left": None if left is None else round(left, 1),
                "rows": rows,
                "rows_per_second": round(new / max(seconds, 1e-9), 1) if self._done else None,
                "types": dict(sorted(self._by_type.items())),
                "source_rows": sources.rows,
                "sources_read": round(sources.share, 4),
                "rejected": sources.rejected,
                "blocks": self._blocks,
            }
        if self.usage is not None:
            told |= {
                "usage": used.facts(self.usage),
                "cost": used.cost(self.usage),
                "silence": round(self.usage.silence, 1),
                "trouble": self.usage.trouble or None,
            }
        return told

    def lines(self) -> list[str]:
        """The same for people: a line, one of counts by type, and one of what a model was asked."""
        told = self.record()
        parts = [f"{told['rows']:,} rows", f"{told['rejected']:,} rejected"]
        if told["rows_per_second"] is not None:
            parts.insert(1, f"{told['rows_per_second']:,.0f} rows/s")
        if told["share"] == 1:
            parts.append(f"took {duration(told['seconds'])}")
        elif told["seconds_left"] is not None:
            parts.append(f"{duration(told['seconds_left'])} left")
        else:
            parts.append(f"{told['sources_read']:.0%} of the sources read")
        share = "    " if told["share"] is None else f"{int(100 * told['share']):3}%"
        lines = [f"{told['stage']:5} {share}  {', '.join(parts)}"]
        if told["types"]:
            by_type = ", ".join(f"{name} {count:,}" for name, count in told["types"].items())
            lines.append(f"       {by_type}")
        if self.usage is not None:
            lines.append(f"       {used.progress(self.usage)}")
        return lines

    def _share(self, sources: Sources) -> float | None:
        """The share of the stage's dialogues that is done; None while nobody can know."""
        total: float | None = self._to_do
        if total is None:  # guessed from what is read
            total = sources.kept / sources.share if sources.share else 0
        done = self._done + self._resumed
        return min(1.0, done / total) if done and total else None

    def _seconds_left(self, share: float | None, seconds: float) -> float | None:
        """By the speed of this try: what an earlier one finished took no time."""
        if share is None or not self._done:
            return None
        total = (self._done + self._resumed) / share
        return seconds * (total - self._done - self._resumed) / self._done


def duration(seconds: float) -> str:
    """Seconds as `0:07`, `12:30` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
