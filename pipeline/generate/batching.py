"""Requests in, raw replies in the store, by way of batch jobs: what `Asking` is for live ones.

Requests are gathered until a job is full, or until who asks has nothing more to ask before
replies come. A thread sends them and waits for the jobs (`batch_jobs`). What is under way is kept
in the store (`job_table`), so that whoever wants it next, after a kill or at the same time, waits
for the same job.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from typing import Self

from ..errors import AskingError, RefusedError, RequestFailed, ServerDown
from .asking import JobsUsage, Usage
from .batch_jobs import BatchJobs
from .batch_server import BatchServer
from .gathered import Gathered, by_some
from .job_files import MOST_REQUESTS, is_of_one
from .job_replies import Over
from .job_table import Waiting, waiting
from .pace import Limits
from .patience import Closed
from .request import Request, Tokens
from .sending import Refused, Retry
from .store import Store

FIRST_PAUSE = 10.0
"""Seconds after which a new job is first looked at; each pause is longer than the last."""

_JOBS_AT_ONCE = 4
"""Full jobs under way up to which more rows are taken up."""
_TRIES = 8
_LOST_TRIES = 3
"""Of a request that may be paid for each time."""
_MANY = 16
"""So many requests that fail in one job, with no reply in it, are the server's fault."""
_CLOSE_SECONDS = 20.0
_HURRIED_SECONDS = 0.8

Ends = Mapping[str, Exception | None]
"""By key, why there is no reply; None where there is one."""


class BatchAsking:
    """A context manager that asks a model by batch jobs; see `AnyAsking`.

    Args:
        store: where replies are looked up and kept; it stays open.
        server: that takes jobs; closed at the end.
        limits: of what may be spent; the pace is the server's.
        show: told what was used, from another thread, whenever a job was looked at.
        say: told, in a line, what a user has to know of a job; from another thread too.
        first_pause: seconds after which a new job is first looked at.
        most: requests in a job.
    """

    in_jobs = True

    def __init__(
        self,
        store: Store,
        server: BatchServer,
        limits: Limits | None = None,
        show: Callable[[Usage], None] = lambda _usage: None,
        say: Callable[[str], None] = lambda _line: None,
        first_pause: float = FIRST_PAUSE,
        most: int = MOST_REQUESTS,
    ) -> None:
        """Asks nothing before the context is entered."""
        self._store = store
        self._server = server
        self._limits = limits or Limits()
        self._show = show
        self._say = say
        self._most = most
        self._closed = threading.Event()
        self._jobs = BatchJobs(store, server, self._limits, first_pause, self._closed)
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()
        # Of the lock of this condition:
        self._changed = threading.Condition()
        self._asked: dict[str, Future[str]] = {}
        self._gathered: dict[str, Gathered] = {}
        self._flush = False
        self._delivering = False
        self._blocked = False
        self._error: Exception | None = None
        # Of the thread:
        self._failures: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()
        self._stored = self._retries = self._given_up = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._serve, name="batch-jobs", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        hurried = kind is not None and not issubclass(kind, Exception)
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
        if self._thread is not None:
            # What it leaves half done is found again, so a call that hangs is not waited for.
            self._thread.join(_HURRIED_SECONDS if hurried else _CLOSE_SECONDS)
        self._store.flush()

    @property
    def wanted_at_once(self) -> int:
        """See `AnyAsking`."""
        return _JOBS_AT_ONCE * MOST_REQUESTS

    @property
    def unfinished(self) -> str:
        """See `AnyAsking`."""
        batches = [one.job.batch or "" for one in list(self._jobs.running.values())]
        if not batches:
            return ""
        named = ", ".join(batches[:3]) + (", ..." if len(batches) > 3 else "")
        return (
            f"batch jobs go on at {self._server.base_url} ({len(batches)}: {named}); "
            "the same command waits for them and takes in their replies"
        )

    @property
    def usage(self) -> Usage:
        """See `AnyAsking`."""
        counts, running = self._jobs.counts, list(self._jobs.running.values())
        tokens = Tokens(counts.prompt_tokens, counts.completion_tokens)
        return Usage(
            requests=counts.requests,
            replies=counts.replies,
            stored=self._stored,
            tokens=tokens,
            cost=self._jobs.cost,
            refusals=0,
            retries=self._retries,
            given_up=self._given_up,
            in_flight=sum(len(one.keys) for one in running),
            level=0,
            jobs=JobsUsage(
                sent=counts.sent,
                over=counts.over,
                running=len(running),
                requests=sum(max(one.state.total, len(one.keys)) for one in running),
                done=sum(one.state.done for one in running),
                failed=sum(one.state.failed for one in running),
                seconds=time.monotonic() - self._began,
            ),
        )

    def submit(self, request: Request) -> Future[str]:
        """Asks for a reply; what is asked for already, or stored, is not asked for again.

        Returns:
            As `Asking.submit`.
        """
        with self._changed:
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
            if self._thread is None or self._closed.is_set():
                raise RuntimeError("submit outside of the context")
            if self._error is not None:
                reply.set_exception(self._error)
                return reply
            self._asked[request.key] = reply
            self._gather(waiting(request))
        return reply

    def idle(self) -> None:
        """What is gathered is sent; see `AnyAsking`."""
        with self._changed:
            # While replies are handed out there will be more to ask.
            if not self._delivering and any(one.requests for one in self._gathered.values()):
                self._flush = True
                self._changed.notify_all()

    def _gather(self, one: Waiting) -> None:
        """With the lock: a request is to be sent with the next job."""
        gathered = self._gathered.setdefault(one.model, Gathered())
        gathered.add(one)
        if gathered.is_full(self._most):
            self._changed.notify_all()

    def _next_model(self) -> str | None:
        """With the lock: whose requests are to be sent now."""
        if not self._blocked:
            for model, one in self._gathered.items():
                if one.requests and (self._flush or one.is_full(self._most)):
                    return model
        return None

    # What follows is done by the thread.

    def _serve(self) -> None:
        try:
            while not self._closed.is_set():
                self._step()
        except Closed:
            pass
        except Refused as error:
            self._fail(RefusedError(str(error)))
        except Retry as error:
            self._fail(ServerDown(f"{error}; go on when it is back"))
        except Exception as error:
            self._fail(error)
        finally:
            self._jobs.close()
            with suppress(Exception):
                self._server.close()

    def _step(self) -> None:
        """Sends requests, or looks at a job, or waits until there is something to do."""
        with self._changed:
            model = self._next_model()
            group = self._gathered[model].take(self._most) if model is not None else []
            self._flush = self._flush and any(one.requests for one in self._gathered.values())
        if group:
            self._send(group)
            self._show(self.usage)
            return
        now, then = time.monotonic(), self._jobs.next_look
        if then is not None and then <= now:
            due = min(self._jobs.running.values(), key=lambda one: one.look_at)
            over = self._jobs.look(due)
            self._show(self.usage)
            if over is not None:
                self._take(over)
            return
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed.is_set() or self._next_model() is not None,
                None if then is None else then - now,
            )

    def _send(self, group: list[Waiting]) -> None:
        stored, left = self._jobs.send(group)
        if left:  # until a job is over
            with self._changed:
                self._gathered[left[0].model].put_back(left)
                self._flush = self._blocked = True
        self._deliver(dict.fromkeys(stored))

    def _take(self, over: Over) -> None:
        """A job is over: says what came of its requests, or gathers them again."""
        if over.has_no_room:
            ends: dict[str, Exception | None] = {}
            again = over.keys
            if not self._jobs.running:
                self._most = max(1, len(over.keys) // 2)
        else:
            ends, again = self._ends_of(over)
            self._retries += len(again)
            if over.lost:
                self._say(over.told_of_lost(len(over.lost.intersection(again))))
        ends |= self._gather_again(again)
        with self._changed:
            # For a job that did not fit room comes when another is over.
            self._blocked = over.has_no_room and bool(self._jobs.running)
            # Who is told something will say when there is nothing more to ask.
            self._flush = not ends
        self._deliver(ends)

    def _ends_of(self, over: Over) -> tuple[dict[str, Exception | None], list[str]]:
        """What came of the requests of a job, and those that are to be sent again.

        Raises:
            RefusedError: the server refuses what others have in common with the request.
            ServerDown: it fails at all of them.
        """
        ends: dict[str, Exception | None] = {}
        again: list[str] = []
        failed = 0
        kept = {key for keys in by_some(over.keys) for key in self._store.kept(keys)}
        for key in over.keys:
            if key in kept:
                ends[key] = None
                continue
            refusal = over.refused.get(key)
            if refusal is None:
                is_lost = key in over.lost
                tries, most = (self._losses, _LOST_TRIES) if is_lost else (self._failures, _TRIES)
                tries[key] += 1
                if tries[key] < most:
                    again.append(key)
                    continue
                words = over.lost_words if is_lost else over.words
                why = f"batch job {over.batch}: {words} ({most} tries)"
            elif refusal.alone or (over.replied and is_of_one(refusal.status)):
                why = str(refusal)
            else:
                raise RefusedError(str(refusal))
            ends[key] = RequestFailed(f"a request failed: {why}")
            failed += 1
            if failed >= _MANY and not over.replied:
                raise RefusedError(why) if refusal else ServerDown(why)
        self._given_up += failed
        return ends, again

    def _gather_again(self, keys: Iterable[str]) -> dict[str, Exception | None]:
        """Gathers requests again; not those whose replies another run has stored meanwhile."""
        stored: dict[str, Exception | None] = {}
        for some in by_some(keys):
            requests = self._jobs.waiting(some)
            stored |= dict.fromkeys(key for key in some if key not in requests)
            with self._changed:
                for one in requests.values():
                    self._gather(one)
        return stored

    def _deliver(self, ends: Ends) -> None:
        """Tells who asked; after the last of them there may be nothing more to ask."""
        with self._changed:
            self._delivering = bool(ends)
        left = len(ends)
        for some in by_some(ends):
            raws = self._store.get_some(some)
            for key in some:
                left -= 1
                with self._changed:
                    reply = self._asked.pop(key)
                    self._delivering = left > 0
                if ends[key] is None and key in raws:
                    reply.set_result(raws[key])
                else:
                    reply.set_exception(ends[key] or AskingError("a stored reply is gone"))

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error = error
            asked, self._asked = list(self._asked.values()), {}
        for reply in asked:
            reply.set_exception(error)
