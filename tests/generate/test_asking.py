"""Requests in, raw replies in the store, whatever happens on the way."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest

from duplexdata.pipeline.errors import (
    BudgetReached,
    RefusedError,
    RequestFailed,
    ServerDown,
)
from duplexdata.pipeline.generate.asking import Asking
from duplexdata.pipeline.generate.fake import answer
from duplexdata.pipeline.generate.pace import Limits
from duplexdata.pipeline.generate.request import Request, Tokens
from duplexdata.pipeline.generate.sending import Refused, Retry, Sent
from duplexdata.pipeline.generate.store import Replies, Store
from duplexdata.pipeline.generate.transport import AioHttpTransport, FakeTransport, OpenAITransport
from duplexdata.tests.generate.asked import reply, request
from duplexdata.tests.loopback import serve

FAULTY = {
    "faults": 0.3,
    "transport_faults": 0.3,
    "only_transport_faults": "limited,error_500,error_503,dropped,slow",
    "retry_after": 0.05,
    "slow": 0.05,
}
QUICK = Limits(backoff=0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a store."""
    return tmp_path / "replies.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store that is open."""
    opened = Store(path)
    yield opened
    opened.close()


class Unused:
    """A transport that nothing may be sent over."""

    async def send(self, request: Request) -> Sent:
        """Fails."""
        raise AssertionError(f"{request} was sent")

    async def close(self) -> None:
        """Has nothing to let go of."""


class Stubborn(Unused):
    """A transport that replies to all but some models, and counts.

    Args:
        refused: what is said to the model "refused".
        failed: what is said to the model "failed".
    """

    def __init__(self, refused: Refused | None = None, failed: Retry | None = None) -> None:
        """Begins to count."""
        self.refused = refused or Refused("refused")
        self.failed = failed or Retry("failed", status=500)
        self.sent: list[str] = []

    async def send(self, request: Request) -> Sent:
        """Replies, or not."""
        self.sent.append(request.model)
        if request.model == "refused":
            raise self.refused
        if request.model == "failed":
            raise self.failed
        return Sent(reply(request.key), Tokens(3, 2))


class RefusesFirst(Stubborn):
    """Replies to the model "last" once it has refused fifteen others."""

    def __init__(self, refused: Refused) -> None:
        """Begins to count."""
        super().__init__(refused)
        self.fifteen = asyncio.Event()

    async def send(self, request: Request) -> Sent:
        """Replies, or not."""
        if request.model == "last":
            await self.fifteen.wait()
        elif self.sent.count("refused") == 14:
            self.fifteen.set()
        return await super().send(request)


def errors_of(replies: list[Future[str]]) -> list[BaseException | None]:
    """How each ended."""
    return [one.exception(timeout=60) for one in replies]


@pytest.mark.parametrize("make", [OpenAITransport, AioHttpTransport])
def test_through_faults(make: type[OpenAITransport], store: Store, path: Path) -> None:
    """Of a third of failures on the way nothing is left: each reply is had, once, and stored."""
    with serve(**FAULTY) as server:
        asked = [request(number, base_url=server.base_url) for number in range(150)]
        limits = Limits(backoff=0.02, start=64)
        with Asking(store, make(), limits) as asking:
            replies = [asking.submit(one) for one in asked]
            for one, got in zip(asked, replies, strict=True):
                assert got.result() == answer(one.body, 0, 0.3).raw
        stats = server.stats()
        assert stats["paid"] == 150
        assert stats["repeated"] == 0
        assert {"dropped", "error_500", "limited"} < set(stats["transport_faults"])
    used = asking.usage
    assert (used.replies, used.stored, used.given_up, used.in_flight) == (150, 0, 0, 0)
    assert used.requests == stats["requests"] == 150 + used.retries
    assert used.refusals == stats["statuses"]["429"]
    assert used.tokens == (stats["prompt_tokens"], stats["completion_tokens"])
    with Replies(path) as kept:
        assert [kept.get(one.key) for one in asked] == [got.result() for got in replies]


def test_nothing_twice(store: Store) -> None:
    """What is asked for already, or stored, is not asked for again."""
    transport = Stubborn()
    with Asking(store, transport) as asking:
        replies = [asking.submit(request(number % 5)) for number in range(50)]
        assert {one.result() for one in replies} == {reply(request(n).key) for n in range(5)}
    assert len(transport.sent) == 5
    with Asking(store, Unused()) as again:
        assert again.submit(request(3)).result() == reply(request(3).key)
    assert (again.usage.stored, again.usage.requests) == (1, 0)


def test_stored_by_another_run_while_it_waits(store: Store, path: Path) -> None:
    """What another run has stored meanwhile is not sent, counts as stored, and is not paid for."""
    with (
        serve(latency=0.5) as server,
        closing(Store(path)) as other,
        Asking(store, AioHttpTransport(), Limits(max_in_flight=1, max_requests=2)) as asking,
    ):
        asked = [request(number, base_url=server.base_url) for number in range(20)]
        replies = [asking.submit(one) for one in asked]
        for one in asked[1:-1]:
            other.put(one, reply(one.key), Tokens(1, 1)).result()
        assert errors_of(replies) == [None] * 20
        assert [one.result() for one in replies[1:-1]] == [reply(one.key) for one in asked[1:-1]]
        assert server.stats()["paid"] == 2
    assert (asking.usage.requests, asking.usage.replies, asking.usage.stored) == (2, 2, 18)


@pytest.mark.parametrize("ahead", [0, 40])
def test_two_at_once(ahead: int, store: Store, path: Path) -> None:
    """Two runs that ask the same at once share it, rather than go side by side and pay twice."""
    limits = Limits(max_in_flight=8)
    with (
        serve(latency=0.05) as server,
        closing(Store(path)) as other_store,
        Asking(store, AioHttpTransport(), limits) as asking,
        Asking(other_store, AioHttpTransport(), limits) as other,
    ):
        asked = [request(number, base_url=server.base_url) for number in range(300)]
        replies = [asking.submit(one) for one in asked]
        server.wait("paid", ahead)
        replies += [other.submit(one) for one in asked]
        assert errors_of(replies) == [None] * 600
        stats = server.stats()
    assert stats["distinct"] == 300
    assert stats["repeated"] < 150  # side by side: some 250
    assert asking.usage.stored + asking.usage.replies == 300
    assert other.usage.stored + other.usage.replies == 300


def test_rounds(store: Store) -> None:
    """Requests that come of replies are asked as they come, as often as it takes."""
    with Asking(store, FakeTransport()) as asking:
        for attempt in range(5):
            for one in [asking.submit(request(n, attempt=attempt)) for n in range(20)]:
                assert one.result()
    assert asking.usage.replies == 100


class Watching(Stubborn):
    """A transport that counts, at each request, how many before it have no reply in the store.

    Args:
        path: of the store.
    """

    def __init__(self, path: Path) -> None:
        """Opens the store a second time."""
        super().__init__()
        self.stored = sqlite3.connect(path, check_same_thread=False)
        self.most = 0

    async def send(self, request: Request) -> Sent:
        """Replies at once."""
        (stored,) = self.stored.execute("SELECT count(*) FROM replies").fetchone()
        sent = await super().send(request)
        self.most = max(self.most, len(self.sent) - stored)
        return sent


def test_no_more_unstored_than_in_flight(store: Store, path: Path) -> None:
    """What a kill can waste at any moment is what may be in flight: a reply keeps its place."""
    transport = Watching(path)
    with Asking(store, transport, Limits(max_in_flight=7)) as asking:
        for one in [asking.submit(request(n)) for n in range(500)]:
            one.result()
    transport.stored.close()
    assert transport.most == 7


def test_cost(store: Store) -> None:
    """What was used is counted, and priced."""
    with Asking(store, Stubborn(), Limits(price_in=10, price_out=100)) as asking:
        for one in [asking.submit(request(n)) for n in range(10)]:
            one.result()
        assert asking.usage.tokens == Tokens(30, 20)
        assert asking.usage.cost == pytest.approx(0.0023)


def test_wrong_key(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key ends all at once, in the server's words; it is nowhere in the store."""
    right, wrong = "sk-right-and-secret", "sk-wrong-and-secret"
    with serve(api_key=right) as server:
        asked = [request(number, base_url=server.base_url) for number in range(400)]
        monkeypatch.setenv("OPENAI_API_KEY", wrong)
        with Asking(store, OpenAITransport()) as asking:
            ends = errors_of([asking.submit(one) for one in asked])
        assert all(isinstance(end, RefusedError) for end in ends)
        assert "401" in str(ends[0])
        assert server.stats()["requests"] <= 16
        monkeypatch.setenv("OPENAI_API_KEY", right)
        with Asking(store, OpenAITransport()) as asking:
            assert [asking.submit(one).result() for one in asked[:5]]
        in_files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"hawks" in in_files
    assert right.encode() not in in_files
    assert wrong.encode() not in in_files


def test_key_only_when_needed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all replies stored no key is read; a key's file that is wrong then stops nobody."""
    monkeypatch.setenv("DUPLEXDATA_API_KEY_FILE", "/nowhere/at/all")
    store.put(request(), reply(), Tokens(1, 1)).result()
    with Asking(store, OpenAITransport()) as asking:
        assert asking.submit(request()).result() == reply()
        with pytest.raises(Exception, match="/nowhere/at/all"):
            asking.submit(request(1)).result()


def test_budget(store: Store) -> None:
    """So many are paid for, to the last one, and stored; the rest goes on another time."""
    with serve(latency=0.01) as server:
        asked = [request(number, base_url=server.base_url) for number in range(60)]
        with Asking(store, AioHttpTransport(), Limits(max_requests=25)) as asking:
            ends = errors_of([asking.submit(one) for one in asked])
        assert ends.count(None) == 25
        assert sum(isinstance(end, BudgetReached) for end in ends) == 35
        assert server.stats()["paid"] == 25
        with Asking(store, AioHttpTransport(), Limits(max_requests=35)) as asking:
            assert errors_of([asking.submit(one) for one in asked]) == [None] * 60
        assert server.stats()["paid"] == 60
        assert server.stats()["repeated"] == 0


def test_server_dies_for_a_while(store: Store) -> None:
    """Requests outlive a server that breaks all connections and comes back."""
    with serve(latency=0.02, die_after=40, die_for=0.3) as server:
        asked = [request(number, base_url=server.base_url) for number in range(100)]
        with Asking(store, AioHttpTransport(), Limits(backoff=0.05)) as asking:
            assert errors_of([asking.submit(one) for one in asked]) == [None] * 100
        assert server.stats()["deaths"] == 1
    assert asking.usage.retries > 0
    assert (asking.usage.trouble, asking.usage.silence) == ("", 0)  # it is over


def test_server_down(store: Store) -> None:
    """A server that stays away ends the run, with what failed last; what came stays."""
    with serve() as server:
        asked = [request(number, base_url=server.base_url) for number in range(50)]
        limits = Limits(breaker_seconds=0.2, backoff=0.05)
        with Asking(store, AioHttpTransport(), limits) as asking:
            assert asking.submit(asked[0]).result()
            server.kill()
            ends = errors_of([asking.submit(one) for one in asked])
    assert ends[0] is None
    assert all(isinstance(end, ServerDown) for end in ends[1:])
    assert server.base_url in str(ends[1])


def test_silence(store: Store) -> None:
    """While a reply is waited for, how long is known, and why, once something fails."""
    with serve(latency=600.0) as server:
        limits = Limits(breaker_seconds=0.2, backoff=0.05)
        with Asking(store, AioHttpTransport(), limits) as asking:
            assert asking.usage.silence == 0
            began = time.monotonic()
            reply = asking.submit(request(0, base_url=server.base_url))
            while asking.usage.silence == 0:
                pass
            assert asking.usage.silence <= time.monotonic() - began
            assert asking.usage.trouble == ""
            server.kill()
            assert isinstance(errors_of([reply])[0], ServerDown)
    assert server.base_url in asking.usage.trouble
    assert asking.usage.silence > 0


def test_one_is_refused(store: Store) -> None:
    """A request that is refused for itself fails alone."""
    transport = Stubborn(refused=Refused("too long", alone=True))
    with Asking(store, transport) as asking:
        bad = asking.submit(request(0, model="refused"))
        good = [asking.submit(request(number)) for number in range(50)]
        with pytest.raises(RequestFailed, match="too long"):
            bad.result()
        assert errors_of(good) == [None] * 50
        # It is not remembered as failed: asked for again, it is tried again.
        assert isinstance(asking.submit(request(0, model="refused")).exception(), RequestFailed)
    assert transport.sent.count("refused") == 2
    assert asking.usage.given_up == 2


def test_refused_before_any_reply(store: Store) -> None:
    """What a server thinks of one request is known once it has answered another."""
    refused = Refused("400: who knows why", may_be_alone=True)
    with Asking(store, RefusesFirst(refused=refused)) as asking:
        last = asking.submit(request(100, model="last"))
        bad = [asking.submit(request(number, model="refused")) for number in range(15)]
        assert errors_of([last]) == [None]
        assert all(isinstance(end, RequestFailed) for end in errors_of(bad))
    with Asking(store, Stubborn(refused=refused)) as asking:
        ends = errors_of([asking.submit(request(number, model="refused")) for number in range(3)])
        assert [str(end) for end in ends if isinstance(end, RefusedError)] == [str(refused)] * 3


def test_refused_with_words_that_say_why(store: Store) -> None:
    """Nothing else need be asked to know that it is the request."""
    with Asking(store, Stubborn(refused=Refused("filtered", alone=True))) as asking:
        for number in range(3):
            end = asking.submit(request(number, model="refused")).exception(timeout=60)
            assert isinstance(end, RequestFailed)


def test_refused_by_a_server_that_has_answered(store: Store) -> None:
    """What is left of a run that goes on may be the refused requests alone, however many."""
    kept = store.put(request(0, model="refused"), reply("then"), Tokens(1, 1))
    assert kept.result()
    with Asking(store, Stubborn(refused=Refused("filtered", alone=True))) as asking:
        ends = errors_of([asking.submit(request(n, model="refused")) for n in range(1, 100)])
    assert all(isinstance(end, RequestFailed) for end in ends)


def test_all_are_refused(store: Store) -> None:
    """Where request after request is refused for itself, it is not the requests."""
    transport = Stubborn(refused=Refused("too long", alone=True))
    with Asking(store, transport) as asking:
        ends = errors_of([asking.submit(request(n, model="refused")) for n in range(200)])
    assert any(isinstance(end, RefusedError) for end in ends)
    assert len(transport.sent) <= 16 + 16


@pytest.mark.parametrize(
    "failed", [Retry("boom", status=500), Retry("broken in the middle", maybe_paid=True)]
)
def test_one_fails(store: Store, failed: Retry) -> None:
    """A request at which the server fails each time is given up, while others are answered."""
    transport = Stubborn(failed=failed)
    with Asking(store, transport, QUICK) as asking:
        bad = asking.submit(request(0, model="failed"))
        for number in range(500):
            assert asking.submit(request(number)).result()
            if bad.done():
                break
        with pytest.raises(RequestFailed, match=rf"{failed} \(\d+ tries\)"):
            bad.result(timeout=0)
    assert transport.sent.count("failed") >= 8


def test_a_bug_is_no_silence(store: Store) -> None:
    """An error that nobody foresaw reaches all who wait."""
    with Asking(store, Unused()) as asking:
        ends = errors_of([asking.submit(request(number)) for number in range(40)])
    assert all(isinstance(end, AssertionError) for end in ends)


def test_left_early(store: Store, path: Path) -> None:
    """Left with requests under way, those that are being sent end and are stored; others do not."""
    with serve(latency=0.3) as server:
        with Asking(store, AioHttpTransport(), Limits(start=4)) as asking:
            replies = [asking.submit(request(n, base_url=server.base_url)) for n in range(30)]
            while server.stats()["requests"] < 4:
                pass
        ends = errors_of(replies)
        assert server.stats()["paid"] == ends.count(None) >= 4
    with Replies(path) as kept:
        stored = [kept.get(request(n, base_url=server.base_url).key) for n in range(30)]
    assert [raw is None for raw in stored] == [end is not None for end in ends]
    with pytest.raises(RuntimeError):
        asking.submit(request(99))


PROGRAM = """
import sys
import time
from pathlib import Path
from duplexdata.pipeline.generate.asking import Asking
from duplexdata.pipeline.generate.pace import Limits
from duplexdata.pipeline.generate.store import Store
from duplexdata.pipeline.generate.transport import AioHttpTransport
from duplexdata.tests.generate.asked import request

path, base_url, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
try:
    with Asking(Store(path), AioHttpTransport(), Limits(max_in_flight=16)) as asking:
        replies = [asking.submit(request(n, base_url=base_url)) for n in range(number)]
        for reply in replies:
            reply.result()
            print("reply", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def child(path: Path, base_url: str, number: int) -> subprocess.Popen[str]:
    """A process that asks, and says so at each reply."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, path, base_url, str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_interrupted(path: Path) -> None:
    """Ctrl-C ends a process whose requests hang, and what came is stored."""
    with serve() as server, child(path, server.base_url, 5000) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reply\n"
        server.config(latency=600)
        while server.stats()["in_flight"] < 16:
            pass
        paid = server.stats()["paid"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert out.endswith("interrupted\n")
        assert err == ""
    with Replies(path) as kept:
        missing = kept.missing(request(n, base_url=server.base_url).key for n in range(5000))
    assert len(missing) == 5000 - paid


def test_killed(path: Path) -> None:
    """After SIGKILL nothing that was stored is asked for again, and it goes on to the end."""
    with serve(latency=0.05) as server:
        with child(path, server.base_url, 600) as process:
            while server.stats()["paid"] < 200:
                pass
            process.kill()
            process.communicate()
        while server.stats()["in_flight"]:
            pass
        paid = server.stats()["paid"]
        asked = [request(n, base_url=server.base_url) for n in range(600)]
        with Replies(path) as kept:
            stored = 600 - len(kept.missing(one.key for one in asked))
        assert 0 < stored <= paid < 600
        server.config(latency=0)
        with child(path, server.base_url, 600) as process:
            out, _ = process.communicate(timeout=60)
        assert out == "reply\n" * 600
        stats = server.stats()
        assert stats["distinct"] == 600
        assert stats["repeated"] <= paid - stored


def test_no_room(path: Path) -> None:
    """A disk that is full ends the run with a line; the limit on a file's size stands for it."""
    program = f"""
import resource
from pathlib import Path
from duplexdata.pipeline.errors import AskingError
from duplexdata.pipeline.generate.asking import Asking
from duplexdata.pipeline.generate.store import Store
from duplexdata.pipeline.generate.transport import FakeTransport
from duplexdata.tests.generate.asked import request
store = Store(Path({str(path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
with Asking(store, FakeTransport()) as asking:
    ends = [asking.submit(request(n)) for n in range(20_000)]
    ends = [one.exception() for one in ends]
print({{str(end) for end in ends if isinstance(end, AskingError)}})
print(any(isinstance(end, AskingError) for end in ends), ends[0], ends[-1] is None)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    told, ended = done.stdout.splitlines()
    assert "make room" in told
    assert ended == "True None False"
