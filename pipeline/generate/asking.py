"""Requests in, raw replies in the store: the live way to a model, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

from ..errors import AskingError
from .dispatch import Dispatch, Job
from .pace import Limits
from .request import Request, Tokens
from .sending import Sent, Transport
from .store import Store

_WAITING = 4
"""Requests under way, for each that may be in flight, up to which more are welcome."""
_LOOKED_SECONDS = 0.1
"""What was not in the store so long ago is not looked for again."""
_DRAIN_SECONDS = 60.0
_HURRIED_SECONDS = 0.8
"""How long those being sent may take at the end, and after Ctrl-C."""


@dataclass(frozen=True, slots=True)
class JobsUsage:
    """The batch jobs of a run so far.

    Attributes:
        sent: jobs that were made.
        over: jobs whose replies were taken in, or that the server did not take.
        running: jobs under way, those of earlier runs too.
        requests: in these.
        done, failed: of these, as the server says.
        seconds: since the run began to ask.
    """

    sent: int
    over: int
    running: int
    requests: int
    done: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used so far.

    Attributes:
        requests: sent, tries counted each.
        replies: that came.
        stored: replies that the store had already.
        tokens: of the replies that came.
        cost: of them, and of requests in jobs that may have been paid for without a reply, in
            the unit of the prices; 0 without prices.
        refusals: of the server, for want of room (429).
        retries: requests sent again.
        given_up: requests that failed by themselves.
        in_flight: being sent now, or in jobs that are not over.
        level: how many may be, as the pace has it.
        jobs: where requests are sent in batch jobs.
        silence: seconds for which a reply is waited for and none has come.
        trouble: the last failure, if no reply has come after it.
    """

    requests: int
    replies: int
    stored: int
    tokens: Tokens
    cost: float
    refusals: int
    retries: int
    given_up: int
    in_flight: int
    level: int
    jobs: JobsUsage | None = None
    silence: float = 0.0
    trouble: str = ""


class AnyAsking(Protocol):
    """How replies are had, whatever the way.

    Attributes:
        in_jobs: whether requests are gathered, so that replies come many at once and late.
    """

    in_jobs: bool

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...

    @property
    def wanted_at_once(self) -> int:
        """Requests under way up to which more are welcome."""
        ...

    @property
    def usage(self) -> Usage:
        """What was used so far; may be read from any thread."""
        ...

    @property
    def unfinished(self) -> str:
        """What goes on at the server without us, in one line; empty if nothing does."""
        ...

    def submit(self, request: Request) -> Future[str]:
        """Asks for a reply; see `Asking.submit`."""
        ...

    def idle(self) -> None:
        """Says that nothing more will be asked before replies come."""
        ...


class Asking:
    """A context manager that asks a model; see `AnyAsking`.

    Args:
        store: where replies are looked up and kept; it stays open.
        transport: how they are had; closed at the end.
        limits: of the pace and of what may be spent.

    On leaving it, what is being sent may end (after Ctrl-C: within a second), and all that came
    is committed.
    """

    in_jobs = False
    unfinished = ""

    def __init__(self, store: Store, transport: Transport, limits: Limits | None = None) -> None:
        """Asks nothing before the context is entered."""
        self._store = store
        self._transport = transport
        self._limits = limits or Limits()
        self._dispatch = Dispatch(
            transport,
            self._limits,
            self._replied,
            self._failed,
            self._answered_before,
            self._has_come,
        )
        self._lock = threading.Lock()
        self._asked: dict[str, Future[str]] = {}
        self._inbox: list[Job] = []
        self._committed = 0
        self._stored = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="asking", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        hurried = kind is not None and not issubclass(kind, Exception)
        self.close(_HURRIED_SECONDS if hurried else _DRAIN_SECONDS)

    @property
    def wanted_at_once(self) -> int:
        """See `AnyAsking`."""
        return _WAITING * self._limits.max_in_flight

    def idle(self) -> None:
        """See `AnyAsking`: here nothing waits to be sent together."""

    def submit(self, request: Request) -> Future[str]:
        """Asks for a reply; what is asked for already, or stored, is not asked for again.

        Returns:
            The raw reply, once it is stored. Or: RequestFailed, where this request alone could
            not be answered; RefusedError, ServerDown, BudgetReached or another error of the
            tree, which ends all that are under way.
        """
        with self._lock:
            reply = self._asked.get(request.key)
            if reply is not None:
                return reply
            reply = Future()
            reply.set_running_or_notify_cancel()  # shared by all who ask: none may cancel it
            raw = self._store.get(request.key)
            if raw is not None:
                self._stored += 1
                reply.set_result(raw)
                return reply
            if self._closed or self._loop is None:
                raise RuntimeError("submit outside of the context")
            self._asked[request.key] = reply
            self._inbox.append(Job(request, reply))
            if len(self._inbox) == 1:
                self._loop.call_soon_threadsafe(self._take)
        return reply

    @property
    def usage(self) -> Usage:
        """What was used so far; may be read from any thread."""
        counts = self._dispatch.counts
        tokens = Tokens(counts.prompt_tokens, counts.completion_tokens)
        return Usage(
            requests=counts.requests,
            replies=counts.replies,
            stored=self._stored,
            tokens=tokens,
            cost=self._limits.cost(tokens),
            refusals=counts.refusals,
            retries=counts.retries,
            given_up=counts.given_up,
            in_flight=self._dispatch.in_flight,
            level=self._dispatch.level,
            silence=self._dispatch.silence,
            trouble=self._dispatch.trouble,
        )

    def close(self, seconds: float = _DRAIN_SECONDS) -> None:
        """Sends nothing more, lets what is being sent end, and commits what came.

        Args:
            seconds: how long that may take before it is cut off.
        """
        with self._lock:
            if self._closed or self._loop is None or self._thread is None:
                return
            self._closed = True
        try:
            asyncio.run_coroutine_threadsafe(self._end(seconds), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_HURRIED_SECONDS)
            self._store.flush()

    def _serve(self) -> None:
        assert self._loop is not None  # noqa: S101  # made before the thread
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _end(self, seconds: float) -> None:
        self._take()
        self._dispatch.stop(AskingError("asking was stopped; replies that came are stored"))
        await self._dispatch.drain(seconds)
        await self._transport.close()

    def _take(self) -> None:
        with self._lock:
            jobs, self._inbox = self._inbox, []
        self._dispatch.add(jobs)

    def _replied(self, job: Job, sent: Sent) -> None:
        """In the loop: a reply came. It is used only once it is stored."""
        kept = self._store.put(job.request, sent.raw, sent.tokens)
        kept.add_done_callback(partial(self._kept, job, sent.raw))

    def _kept(self, job: Job, raw: str, kept: Future[str]) -> None:
        """In the store's thread: a reply is committed, or could not be."""
        error = kept.exception()
        with self._lock:
            self._asked.pop(job.request.key, None)
            self._committed += 1
            first = self._committed == 1
        if first:  # one call for all of a commit
            self._call(self._make_room)
        if error is None:
            if kept.result() is not raw:  # another run was faster, and is likely to be again
                self._call(self._dispatch.scatter)
            job.reply.set_result(kept.result())
            return
        job.reply.set_exception(error)
        if isinstance(error, Exception):
            self._call(partial(self._dispatch.stop, error))

    def _make_room(self) -> None:
        with self._lock:
            committed, self._committed = self._committed, 0
        self._dispatch.committed(committed)

    def _call(self, function: Callable[[], None]) -> None:
        """Has the loop call a function, unless it has ended."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def _answered_before(self, request: Request) -> bool:
        """Whether the store has a reply of the same model at the same place."""
        return self._store.has_any_of(request.base_url, request.model)

    def _has_come(self, job: Job) -> bool:
        """In the loop, before a job is sent: whether another run has stored its reply meanwhile."""
        now = time.monotonic()
        if now - job.looked_at < _LOOKED_SECONDS:
            return False
        job.looked_at = now
        raw = self._store.get(job.request.key)
        if raw is None:
            return False
        with self._lock:
            self._asked.pop(job.request.key, None)
            self._stored += 1
        job.reply.set_result(raw)
        return True

    def _failed(self, job: Job, error: Exception) -> None:
        with self._lock:
            self._asked.pop(job.request.key, None)
        job.reply.set_exception(error)
