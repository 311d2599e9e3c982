"""What a run used of a model, over all processes that worked at it.

It is kept beside the unfinished blocks, for a run that is stopped is gone on with by another
process, and whoever pays wants to know the sum.
"""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .export.shards import write_text
from .generate import used
from .run_folder import BEFORE, RUN_FACTS, USED

if TYPE_CHECKING:  # what talks to a server takes time to import
    from .generate.asking import Usage

_SECONDS = 1.0
"""Between two times that it is written; a kill loses no more than was used in so many."""


@dataclass(slots=True)
class UsedBefore:
    """What was used before this process, and with it, so far.

    Attributes:
        folder: the run's.
        facts: requests, replies and tokens, as `run.json` names them.
        cost: in the unit of the prices.
    """

    folder: Path
    facts: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    _written: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def with_this(self, usage: "Usage | None") -> dict[str, Any]:
        """The sums, for `run.json`."""
        facts = self.facts.copy()
        facts.update(used.facts(usage))
        return {"usage": dict(facts), "cost": self.cost + used.cost(usage)}

    def keep(self, usage: "Usage | None", *, now: bool = False) -> None:
        """Writes the sums down, if that is due."""
        with self._lock:  # who waits for batch jobs has a thread of its own, and tells from there
            if usage is None or not (now or time.monotonic() - self._written >= _SECONDS):
                return
            write_text(json.dumps(self.with_this(usage)), self.folder, USED)
            self._written = time.monotonic()


def used_before(folder: Path) -> UsedBefore:
    """What earlier processes used of a run that is gone on with, or whose failures are taken up."""
    again = RUN_FACTS if (folder / BEFORE).is_file() else USED
    return _first(folder, folder / USED, folder / again)


def used_up_to(here: Path, folder: Path) -> UsedBefore:
    """What a stage and those before it used: kept in its own folder, if it was stopped.

    Args:
        here: the folder of the stage before.
        folder: the stage's.
    """
    return _first(folder, folder / USED, here / RUN_FACTS)


def _first(folder: Path, *files: Path) -> UsedBefore:
    """What the first file tells that can be read."""
    for file in files:
        try:
            held = json.loads(file.read_text("utf-8"))
            return UsedBefore(folder, Counter(held["usage"]), float(held["cost"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return UsedBefore(folder)
