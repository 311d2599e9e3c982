"""Batch jobs: made, looked after with growing pauses, and their replies stored. For one thread.

The steps of a job: kept in the table; uploaded; made at the server; its id kept; over; all of its
replies stored; removed from the table. A process may be killed between any two of them. A job
that was made and whose id is not kept is found by its name, which is in the server's metadata.
"""

import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from filelock import FileLock

from ..errors import RefusedError
from .batch_server import ENDED, BatchServer, JobState
from .gathered import Spent, affordable, by_some
from .job_files import write_requests
from .job_replies import Counts, Over, Taking
from .job_table import Job, JobTable, Waiting
from .pace import Limits
from .patience import Patience
from .request import Tokens
from .sending import Refused
from .store import Store

_LONGER = 1.5
_LONGEST_PAUSE = 120.0
_NO_ROOM = "token_limit_exceeded"
"""What a server says of a job for which its queue has no room."""


@dataclass(slots=True)
class Running:
    """A job under way.

    Attributes:
        job: which.
        look_at: when to look at it, by the monotonic clock.
        pause: seconds since it was last looked at, or begun.
        keys: of those of its requests that this run wants.
        cost: of these, about.
        state: when it was last looked at.
    """

    job: Job
    look_at: float
    pause: float
    keys: list[str] = field(default_factory=list)
    cost: float = 0.0
    state: JobState = field(default_factory=lambda: JobState("validating"))


class BatchJobs:
    """The jobs that a run makes or waits for.

    Args:
        store: where replies are kept; it stays open.
        server: that takes jobs; it stays open.
        limits: of what may be spent.
        first_pause: seconds after which a new job is first looked at.
        closed: set when the thread is to end.

    Raises:
        StoreError: the store cannot be read.
    """

    def __init__(
        self,
        store: Store,
        server: BatchServer,
        limits: Limits,
        first_pause: float,
        closed: threading.Event,
    ) -> None:
        """Makes none."""
        self._store = store
        self._server = server
        self._limits = limits
        self._first_pause = first_pause
        self._closed = closed
        self._patience = Patience(limits, closed)
        self._table = JobTable(store.path, server.base_url)
        self._taking = Taking(store, server, self._table, self._patience, limits, closed)
        self.running: dict[str, Running] = {}

    def close(self) -> None:
        """Lets go of the table."""
        self._table.close()

    @property
    def counts(self) -> Counts:
        """What was used so far; may be read from any thread."""
        return self._taking.counts

    @property
    def next_look(self) -> float | None:
        """When to look at a job again, by the monotonic clock; None while there is none."""
        return min((one.look_at for one in self.running.values()), default=None)

    def send(self, group: list[Waiting]) -> tuple[list[str], list[Waiting]]:
        """Makes a job of those requests that are in none, as far as they may be paid for.

        Args:
            group: of one model; they fit in a job.

        Returns:
            The keys of those whose replies another run has stored, and those that are not sent.

        Raises:
            BudgetReached: none may be paid for, and none is under way.
            Refused: the server takes no job.
            Retry: it cannot be reached.
        """
        stored: list[str] = []
        free: list[Waiting] = []
        path = self._store.path
        # So that no two runs make jobs of the same requests, and none takes a job for lost that
        # another is just making.
        with FileLock(path.with_name(f"{path.name}.jobs")):
            self._find_lost()
            for some in by_some(group):
                keys = [one.key for one in some]
                jobs = self._table.jobs_of(keys)
                kept = self._store.kept(keys)  # after that: replies come before a job goes
                for one in some:
                    if one.key in kept:
                        stored.append(one.key)
                    elif one.key in jobs:
                        self._wait_for(jobs[one.key], one)
                    else:
                        free.append(one)
            number = affordable(free, self._limits, self._spent())
            if number:
                self._make(free[:number])
        return stored, free[number:]

    @property
    def cost(self) -> float:
        """Of all that is over, with what may have been paid for."""
        counts = self.counts
        tokens = Tokens(counts.prompt_tokens, counts.completion_tokens)
        return self._limits.cost(tokens) + counts.lost_cost

    def _spent(self) -> Spent:
        running = self.running.values()
        return Spent(
            self.counts.replies + self.counts.lost,
            self.cost,
            sum(len(one.keys) for one in running),
            sum(one.cost for one in running),
        )

    def _find_lost(self) -> None:
        """Looks for jobs that a killed process may have made; those that are not there are over."""
        for job in self._table.unsent():
            batch = self._patience.call(self._server.find, job.name)
            if batch is None:
                self._table.end(job.name)
            else:
                self._table.made(job.name, batch)

    def _make(self, group: Sequence[Waiting]) -> None:
        name, model = uuid.uuid4().hex, group[0].model
        self._table.begin(name, group)
        with tempfile.TemporaryFile() as file:
            write_requests(group, file, schemas=model not in self._taking.knows_no_schemas)
            uploaded = self._patience.call(self._server.upload, file, name)
        batch = self._create(uploaded, name)
        self._table.made(name, batch)
        for one in group:
            self._wait_for(Job(name, batch), one)
        self.counts.requests += len(group)
        self.counts.sent += 1

    def _create(self, uploaded: str, name: str) -> str:
        """Makes a job, once: after a failure it may be there."""
        tries = 0

        def create() -> str:
            nonlocal tries
            tries += 1
            found = self._server.find(name) if tries > 1 else None
            return found or self._server.create(uploaded, name)

        return self._patience.call(create)

    def _wait_for(self, job: Job, one: Waiting) -> None:
        running = self.running.get(job.name)
        if running is None:
            look_at = time.monotonic() + self._first_pause
            running = Running(job, look_at, self._first_pause)
            self.running[job.name] = running
        running.keys.append(one.key)
        running.cost += self._limits.cost(one.tokens)

    def look(self, running: Running) -> Over | None:
        """Looks at a job, and stores its replies if it is over.

        Returns:
            What came of it; None while it goes on.

        Raises:
            RefusedError: the server does not know it, or does not take it.
            Retry: it cannot be reached.
            AskingError: replies cannot be stored.
        """
        batch = running.job.batch
        assert batch is not None  # noqa: S101  # those without are made or found under the lock
        try:
            state = running.state = self._patience.call(self._server.state, batch)
        except Refused as error:
            raise RefusedError(
                f"{error}; {len(running.keys):,} of the wanted requests are in the job {batch}: is "
                "this the key that it was made with? Without --batch they are asked anew"
            ) from None
        if state.status not in ENDED:
            running.pause = min(max(_LONGEST_PAUSE, self._first_pause), running.pause * _LONGER)
            running.look_at = time.monotonic() + running.pause
            return None
        over = Over(batch, running.keys, has_no_room=_NO_ROOM in state.codes)
        self._taking.take_in(state, over)
        self._table.end(running.job.name)
        del self.running[running.job.name]
        self.counts.over += 1
        if state.status == "failed" and (not over.has_no_room or self._is_smallest(over)):
            raise RefusedError(
                f"{self._server.base_url} refuses the batch job {batch}: {state.words}"
            )
        return over

    def _is_smallest(self, over: Over) -> bool:
        """Whether there is no room for a single request."""
        return len(over.keys) == 1 and not self.running

    def waiting(self, keys: Sequence[str]) -> dict[str, Waiting]:
        """Those requests, of a few hundred that were in jobs, that have no reply."""
        return self._table.waiting(keys)
