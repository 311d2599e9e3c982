"""Sends requests, as fast as the pace lets it, again where that helps; runs in an event loop.

A job has a task only while it is under way, so that a hundred thousand that wait cost no more
than their requests. A task that waits to try again holds no place of the pace. Nothing polls:
who waits for a place is woken when one is free, or by one timer when a pause or rate ends.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from secrets import randbelow

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from ..errors import DuplexdataError, RefusedError, RequestFailed, ServerDown
from .pace import Limits, Pace, Permit, Wait
from .request import Request, Tokens
from .sending import Refused, Retry, Sent, Transport, estimated

_TRIES = 8
_LONGEST_BACKOFF = 20.0
_GIVEN_UP_IN_A_ROW = 16
"""So many requests may fail each by itself with no success between; then it is the server.

Of those that it refuses so many, if it has never answered any."""


@dataclass(slots=True, eq=False)
class Job:
    """A request under way.

    Attributes:
        request: to be sent.
        reply: of the one who asked; see `Asking.submit`.
        failures: tries that failed, other than for the pace.
        successes_before: what `Counts.replies` was at the first of them.
        looked_at: when its reply was looked for in the store, by the monotonic clock.
    """

    request: Request
    reply: Future[str]
    failures: int = 0
    successes_before: int = 0
    looked_at: float = field(default_factory=time.monotonic)


class _ReplyCame(Exception):  # noqa: N818  # what is so; never leaves this module
    """A job need not be sent any more."""


@dataclass(slots=True)
class Counts:
    """What was used; see `Usage`."""

    requests: int = 0
    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    refusals: int = 0
    retries: int = 0
    given_up: int = 0


class Dispatch:
    """Jobs, from when they are asked for until a reply came or none will.

    Args:
        transport: that sends.
        limits: of the pace.
        replied: told of each reply; it is to say, with `committed`, when that is kept. Until
            then it holds a place, so that a kill loses no more than may be in flight.
        ended: told of each job that gets none, and why.
        answered_before: whether the server has ever replied to the like of a request.
        came: asked of a job whose turn it is, whether a reply has come by another way, and has
            been given to who asked: then it is not sent.
    """

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        replied: Callable[[Job, Sent], None],
        ended: Callable[[Job, Exception], None],
        answered_before: Callable[[Request], bool] = lambda _request: False,
        came: Callable[[Job], bool] = lambda _job: False,
    ) -> None:
        """Begins nothing."""
        self._transport = transport
        self._limits = limits
        self._pace = Pace(limits)
        self._replied = replied
        self._ended = ended
        self._answered_before = answered_before
        self._answers = False
        self._doubtful: deque[tuple[Job, Refused]] = deque()
        self._refused = 0
        self._came = came
        self._counted = bool(limits.tpm or limits.max_cost is not None)
        self._waiting: deque[Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: deque[tuple[Job, Tokens, asyncio.Future[Permit]]] = deque()
        self._naps: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._stopped: Exception | None = None
        self._uncommitted = 0
        self._given_up_in_a_row = 0
        self._trouble = ""
        self._silent_since = 0.0
        self._backoff = wait_random_exponential(multiplier=limits.backoff, max=_LONGEST_BACKOFF)
        self._retrying = AsyncRetrying(
            retry=retry_if_exception_type(Retry),
            wait=self._pause_of,
            stop=self._is_enough,
            sleep=self._nap,
            reraise=True,
        )
        self.counts = Counts()

    @property
    def in_flight(self) -> int:
        """Requests that are being sent."""
        return self._pace.in_flight

    @property
    def level(self) -> int:
        """How many may be sent at once, as of now."""
        return self._pace.level

    @property
    def trouble(self) -> str:
        """The last failure; empty once a reply has come after it."""
        return self._trouble

    @property
    def silence(self) -> float:
        """Seconds for which a reply is waited for and none has come; 0 if none is waited for."""
        waited_for = self.in_flight or self._trouble
        return time.monotonic() - self._silent_since if waited_for else 0.0

    def add(self, jobs: Iterable[Job]) -> None:
        """Takes up jobs."""
        self._waiting.extend(jobs)
        self._start()

    def committed(self, replies: int) -> None:
        """So many replies are kept for good, or cannot be: others may take their places."""
        self._uncommitted -= replies
        self._pump()

    def scatter(self) -> None:
        """Goes on elsewhere among the jobs that wait.

        Two runs that send the same, in the same order, would else go on side by side, and
        each would send what the other one has in flight, to the end.
        """
        for jobs in (self._waiting, self._turns):
            jobs.rotate(randbelow(len(jobs) + 1))

    def stop(self, error: Exception) -> None:
        """Ends, with this error, all jobs that are not being sent; those end by themselves."""
        if self._stopped is None:
            self._stopped = error
        for nap in self._naps:
            if not nap.done():
                nap.set_exception(self._stopped)
        while self._turns:
            turn = self._turns.popleft()[2]
            if not turn.done():
                turn.set_exception(self._stopped)
        while self._doubtful:
            self._ended(self._doubtful.popleft()[0], self._stopped)
        while self._waiting:
            self._ended(self._waiting.popleft(), self._stopped)

    async def drain(self, seconds: float) -> None:
        """Waits for what is being sent, at most so long, then cuts it off."""
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self) -> None:
        if self._stopped is not None:
            self.stop(self._stopped)
        # Twice as many as can be sent, so that those that wait to try again stop no others.
        while self._waiting and len(self._tasks) < 2 * self._limits.max_in_flight:
            task = asyncio.create_task(self._run(self._waiting.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._start()
        if not self._tasks:
            self._end_doubt()

    async def _run(self, job: Job) -> None:
        """A job from its first try to its last."""
        try:
            sent = await self._tried(job)
        except Retry as error:
            self._given_up_in_a_row += 1
            self._give_up(job, f"{error} ({job.failures} tries)")
        except Refused as error:
            if error.may_be_alone:
                self._doubt(job, error)
            else:
                self._fail(job, RefusedError(str(error)))
        except _ReplyCame:
            pass
        except asyncio.CancelledError:
            self._ended(job, self._stopped or ServerDown("cut off"))
            raise
        except Exception as error:
            self._fail(job, error)
        else:
            self._replied(job, sent)

    async def _tried(self, job: Job) -> Sent:
        """Sends a job's request, again where that helps."""
        try:
            return await self._try(job)  # most need no more
        except Retry as error:
            first: Retry | None = error

        async def again(job: Job) -> Sent:
            nonlocal first
            if first is not None:
                failure, first = first, None
                raise failure
            return await self._try(job)

        sent: Sent = await self._retrying.copy()(again, job)
        return sent

    def _doubt(self, job: Job, error: Refused) -> None:
        """Waits to see whether the server answers any: then this refusal lay in the request."""
        self._doubtful.append((job, error))
        self._refused += 1
        if self._answers or self._answered_before(job.request):
            self._answer()
        elif self._refused >= _GIVEN_UP_IN_A_ROW:
            self.stop(RefusedError(str(error)))

    def _end_doubt(self) -> None:
        """Nothing is under way that could tell: the server's words have to do."""
        for _job, error in self._doubtful:
            if not error.alone:
                self.stop(RefusedError(str(error)))
                return
        self._give_up_refused()

    def _answer(self) -> None:
        """The server answers: what it has refused lay in the requests."""
        self._answers = True
        self._give_up_refused()

    def _give_up_refused(self) -> None:
        while self._doubtful:
            job, refused = self._doubtful.popleft()
            self._give_up(job, str(refused))

    def _give_up(self, job: Job, why: str) -> None:
        self.counts.given_up += 1
        self._ended(job, RequestFailed(f"a request ({job.request.kind}) failed: {why}"))

    def _fail(self, job: Job, error: Exception) -> None:
        self.stop(error)
        self._ended(job, error)

    async def _try(self, job: Job) -> Sent:
        """Sends a job's request once, when it is its turn."""
        permit = await self._turn(job)
        self.counts.requests += 1
        pace, counts = self._pace, self.counts
        if pace.in_flight == 1 and not self._trouble:  # before it, nobody waited
            self._silent_since = time.monotonic()
        try:
            sent = await self._transport.send(job.request)
        except Retry as error:
            self._trouble = str(error)
            try:
                if error.pushed_back:
                    counts.refusals += 1
                    pace.pushed_back(permit, error.retry_after)
                else:
                    job.successes_before = job.successes_before if job.failures else counts.replies
                    job.failures += 1
                    pace.failed(permit, maybe_paid=error.maybe_paid)
            except ServerDown as down:
                raise ServerDown(f"{down} (the last failure: {error})") from None
            if self._stopped is not None:
                raise self._stopped from None
            counts.retries += 1
            raise
        except Refused:
            pace.failed(permit, maybe_paid=False)
            raise
        except BaseException:
            pace.dropped(permit)
            raise
        else:
            pace.succeeded(permit, sent.tokens)
            self._uncommitted += 1
            counts.replies += 1
            counts.prompt_tokens += sent.tokens.prompt
            counts.completion_tokens += sent.tokens.completion
            self._given_up_in_a_row = 0
            self._trouble, self._silent_since = "", time.monotonic()
            self._answer()
            return sent
        finally:
            self._pump()

    async def _turn(self, job: Job) -> Permit:
        """Waits until a job may send; one that has failed before goes first."""
        if self._stopped is not None:
            raise self._stopped
        turn: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        waiting = job, estimated(job.request) if self._counted else Tokens(0, 0), turn
        if job.failures:
            self._turns.appendleft(waiting)
        else:
            self._turns.append(waiting)
        self._pump()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pace.dropped(turn.result())
            raise

    def _pump(self) -> None:
        """Gives a turn to as many as may send now, and sees to it that the next is woken."""
        while self._turns:
            job, tokens, turn = self._turns[0]
            if turn.done():
                self._turns.popleft()
                continue
            if self._pace.in_flight + self._uncommitted >= self._limits.max_in_flight:
                return  # the end of one, or a commit, goes on here
            try:
                if self._came(job):
                    self._turns.popleft()
                    turn.set_exception(_ReplyCame())
                    continue
                answer = self._pace.begin(tokens)
            except DuplexdataError as error:
                self.stop(error)
                return
            if isinstance(answer, Wait):
                self._wake_in(answer.seconds)
                return
            self._turns.popleft()
            turn.set_result(answer)

    def _wake_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._pump)

    def _pause_of(self, state: RetryCallState) -> float:
        """How long a job waits before its next try."""
        error = _failure_of(state)
        if error.pushed_back:
            return 0.0  # the pace pauses all
        # Whoever asks for an hour is asked sooner whether it is down.
        asked_for = min(error.retry_after or 0.0, self._limits.breaker_seconds / 2)
        return max(self._backoff(state), asked_for)

    def _is_enough(self, state: RetryCallState) -> bool:
        """Whether a job has failed so often, while the server lives, that it is its own fault."""
        job: Job = state.args[0]
        error = _failure_of(state)
        if error.pushed_back or job.failures < _TRIES:
            return False
        return self.counts.replies > job.successes_before or (
            error.status is not None and self._given_up_in_a_row < _GIVEN_UP_IN_A_ROW
        )

    async def _nap(self, seconds: float) -> None:
        """Sleeps, unless all is stopped meanwhile."""
        if self._stopped is not None:
            raise self._stopped
        if seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        nap: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, nap)
        self._naps.add(nap)
        try:
            await nap
        finally:
            timer.cancel()
            self._naps.discard(nap)


def _wake(nap: asyncio.Future[None]) -> None:
    if not nap.done():
        nap.set_result(None)


def _failure_of(state: RetryCallState) -> Retry:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Retry)  # noqa: S101  # nothing else is tried again
    return error
