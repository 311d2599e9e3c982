"""What came of a batch job: its files, fetched; its replies, stored; what has none, counted."""

import tempfile
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO

from .batch_server import BatchServer, JobState
from .gathered import by_some
from .job_files import Line, read_lines
from .job_table import JobTable, Waiting
from .pace import Limits
from .patience import Closed, Patience
from .sending import Refused, Retry, read_answer, refuses_schemas
from .store import Store


@dataclass(slots=True)
class Over:
    """What came of a job.

    Attributes:
        batch: the server's id.
        keys: of those of its requests that this run wants; which of them have replies says the
            store.
        told: the requests that it has a line for.
        replied: those that it has a reply to, with those that others want.
        refused: requests that will not be answered.
        lost: those without a reply that may have been paid for all the same.
        words: on one of those that may be asked again.
        lost_words: on one of the lost.
        has_no_room: whether the server did not take it, as its queue is full.
    """

    batch: str
    keys: list[str]
    told: set[str] = field(default_factory=set)
    replied: set[str] = field(default_factory=set)
    refused: dict[str, Refused] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    words: str = "it was not executed"
    lost_words: str = "there is no line for it"
    has_no_room: bool = False

    def told_of_lost(self, again: int) -> str:
        """In a line, that requests are lost, so many of which are asked again."""
        return (
            f"batch job {self.batch}: no reply to {len(self.lost):,} of its requests "
            f"({self.lost_words}); they count as paid for; {again:,} are asked again"
        )


@dataclass(slots=True)
class Counts:
    """What was used; see `Usage`.

    Attributes:
        lost: requests in jobs that are over, which may have been paid for and have no reply.
        lost_cost: of these, about.
    """

    requests: int = 0
    replies: int = 0
    lost: int = 0
    lost_cost: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    sent: int = 0
    over: int = 0


@dataclass(slots=True)
class Taking:
    """Takes in what came of jobs. For one thread.

    Attributes:
        store: where replies are kept.
        server: that has the files.
        table: of the jobs.
        patience: with the server.
        limits: that say what requests cost.
        closed: set when the thread is to end.
        counts: what was used.
        knows_no_schemas: models that take no `response_format`, as lines have said.
    """

    store: Store
    server: BatchServer
    table: JobTable
    patience: Patience
    limits: Limits
    closed: threading.Event
    counts: Counts = field(default_factory=Counts)
    knows_no_schemas: set[str] = field(default_factory=set)

    def take_in(self, state: JobState, over: Over) -> None:
        """Stores the replies of a job, in commits of many, and says what came of the rest.

        Raises:
            Retry: the server cannot be reached.
            Refused: it does not give out its files.
            Closed: the thread is to end.
            AskingError: replies cannot be stored.
        """
        with tempfile.TemporaryFile() as file:
            for name in state.files:
                if not self._fetch(name, file, over):
                    continue
                for lines in by_some(read_lines(file, self.server.key)):
                    if self.closed.is_set():
                        raise Closed
                    keys = {line.key for line in lines}
                    requests = self.table.waiting(list(keys))
                    over.told |= keys
                    over.replied |= keys - requests.keys()  # another run has stored those
                    found = [
                        self._read(line, requests[line.key], over)
                        for line in lines
                        if line.key in requests
                    ]
                    self.store.flush()
                    for reply in found:
                        if reply is not None:
                            reply.result()
        if state.status != "failed":  # of such a job nothing was done
            over.lost.update(key for key in over.keys if key not in over.told)
        self._count_lost(over)

    def _fetch(self, name: str, file: IO[bytes], over: Over) -> bool:
        """Fetches a file of a job; whether it could be had.

        Raises:
            Retry: the server cannot be reached, or cannot say how the job is either.
        """
        try:
            self.patience.call(self.server.download, name, file)
        except Retry as error:
            if error.status is None or error.pushed_back:
                raise
            # A server that is down will have the file later, as all of it was paid for.
            self.patience.call(self.server.state, over.batch)
            over.lost_words = f"its file {name} cannot be had: {error}"
            return False
        return True

    def _count_lost(self, over: Over) -> None:
        """Counts the requests that may have been paid for, at what they may have cost."""
        over.lost -= over.replied
        for keys in by_some(over.lost):
            for one in self.table.waiting(keys).values():
                self.counts.lost += 1
                self.counts.lost_cost += self.limits.cost(one.tokens)

    def _read(self, line: Line, one: Waiting, over: Over) -> Future[str] | None:
        """Takes in a line: a reply that is being stored, or what there is instead."""
        if line.key in over.replied:
            return None  # it is there twice
        if line.answer is None:
            over.words = line.words
            return None
        request = one.request
        if "response_format" in request.body and refuses_schemas(line.answer):
            self.knows_no_schemas.add(one.model)
            return None
        try:
            sent = read_answer(line.answer, request, self.server.key)
        except Retry as error:
            over.words = str(error)
            if line.answer.status == HTTPStatus.OK:  # whatever it holds was made
                over.lost.add(one.key)
                over.lost_words = over.words
        except Refused as error:
            over.refused[one.key] = error
        else:
            over.replied.add(one.key)
            self.counts.replies += 1
            self.counts.prompt_tokens += sent.tokens.prompt
            self.counts.completion_tokens += sent.tokens.completion
            return self.store.put(request, sent.raw, sent.tokens)
        return None
