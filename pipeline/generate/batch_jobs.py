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
from concurrent.futures import Future
from dataclasses import dataclass, field

from filelock import FileLock

from ..errors import RefusedError
from .batch_server import ENDED, BatchServer, JobState
from .gathered import Spent, affordable, by_some
from .job_files import Line, read_lines, write_requests
from .job_table import Job, JobTable, Waiting
from .pace import Limits
from .patience import Closed, Patience
from .request import Tokens
from .sending import Refused, Retry, read_answer, refuses_schemas
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


@dataclass(slots=True)
class Over:
    """What came of a job.

    Attributes:
        keys: of those of its requests that this run wants; which of them have replies says the
            store.
        replies: how many it has, with those that others want.
        refused: requests that will not be answered.
        words: on one of those that may be asked again.
        has_no_room: whether the server did not take it, as its queue is full.
    """

    keys: list[str]
    replies: int = 0
    refused: dict[str, Refused] = field(default_factory=dict)
    words: str = "it was not executed"
    has_no_room: bool = False


@dataclass(slots=True)
class Counts:
    """What was used; see `Usage`."""

    requests: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    sent: int = 0
    over: int = 0


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
        self._knows_no_schemas: set[str] = set()
        self._table = JobTable(store.path, server.base_url)
        self.running: dict[str, Running] = {}
        self.counts = Counts()

    def close(self) -> None:
        """Lets go of the table."""
        self._table.close()

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

    def _spent(self) -> Spent:
        running, counts = self.running.values(), self.counts
        return Spent(
            counts.replies,
            self._limits.cost(Tokens(counts.prompt_tokens, counts.completion_tokens)),
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
            write_requests(group, file, schemas=model not in self._knows_no_schemas)
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
        over = Over(running.keys, has_no_room=_NO_ROOM in state.codes)
        self._take_in(state, over)
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

    def _take_in(self, state: JobState, over: Over) -> None:
        """Stores the replies of a job, in commits of many."""
        with tempfile.TemporaryFile() as file:
            for name in state.files:
                self._patience.call(self._server.download, name, file)
                for lines in by_some(read_lines(file, self._server.key)):
                    if self._closed.is_set():
                        raise Closed
                    requests = self._table.waiting([line.key for line in lines])
                    over.replies += len(lines) - len(requests)  # another run has stored those
                    found = [
                        self._read(line, requests[line.key], over)
                        for line in lines
                        if line.key in requests
                    ]
                    self._store.flush()
                    for reply in found:
                        if reply is not None:
                            reply.result()

    def _read(self, line: Line, one: Waiting, over: Over) -> Future[str] | None:
        """Takes in a line: a reply that is being stored, or what there is instead."""
        if line.answer is None:
            over.words = line.words
            return None
        request = one.request
        if "response_format" in request.body and refuses_schemas(line.answer):
            self._knows_no_schemas.add(one.model)
            return None
        try:
            sent = read_answer(line.answer, request, self._server.key)
        except Retry as error:
            over.words = str(error)
        except Refused as error:
            over.refused[one.key] = error
        else:
            over.replies += 1
            self.counts.replies += 1
            self.counts.prompt_tokens += sent.tokens.prompt
            self.counts.completion_tokens += sent.tokens.completion
            return self._store.put(request, sent.raw, sent.tokens)
        return None
