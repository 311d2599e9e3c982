"""Requests in, raw replies in the store, by way of batch jobs, whatever happens to these."""

import io
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import openai
import pytest

from duplexdata.pipeline.errors import BudgetReached, RefusedError, RequestFailed, ServerDown
from duplexdata.pipeline.generate import used
from duplexdata.pipeline.generate.api_key import ApiKey
from duplexdata.pipeline.generate.batch_server import NAME, BatchServer
from duplexdata.pipeline.generate.batching import BatchAsking
from duplexdata.pipeline.generate.fake import answer
from duplexdata.pipeline.generate.gathered import Gathered
from duplexdata.pipeline.generate.job_files import LINE_BYTES, MOST_BYTES, read_lines
from duplexdata.pipeline.generate.job_table import JobTable, waiting
from duplexdata.pipeline.generate.pace import Limits
from duplexdata.pipeline.generate.request import Request, Tokens
from duplexdata.pipeline.generate.sending import read_answer
from duplexdata.pipeline.generate.store import Store
from duplexdata.tests.generate.asked import reply, request
from duplexdata.tests.loopback import Loopback, serve

KEY = "sk-of-a-test-and-very-secret"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "fuse", "strict": True, "schema": {}}}
QUICK = {"backoff": 0.001}


@pytest.fixture(scope="module")
def running() -> Iterator[Loopback]:
    """A server."""
    with serve() as one:
        yield one


@pytest.fixture
def server(running: Loopback) -> Loopback:
    """The server, as if it were new."""
    running.reset()
    running.config(batch_faults=0.0, faults_in_a_row=3, expire_batches=0, batch_lines=50_000)
    running.config(batch_missing=0.0, batch_twice=False, file_errors=0, file_status=404)
    running.config(batch_queue=0, batch_errors=0, batch_polls=2, no_schema=False, api_key="")
    return running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a store."""
    return tmp_path / "replies.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store that is open."""
    with closing(Store(path)) as opened:
        yield opened


def asking_of(
    store: Store,
    server: Loopback,
    most: int = 1000,
    pause: float = 0.001,
    say: Callable[[str], None] = lambda _line: None,
    **limits: Any,
) -> BatchAsking:
    """Asks the server by batch jobs."""
    return BatchAsking(
        store,
        BatchServer(server.base_url),
        Limits(**{**QUICK, **limits}),
        say=say,
        first_pause=pause,
        most=most,
    )


def requests(server: Loopback, count: int, **body: Any) -> list[Request]:
    """So many of them."""
    return [request(number, base_url=server.base_url, **body) for number in range(count)]


def ask(asking: BatchAsking, asked: list[Request]) -> list[BaseException | None]:
    """Asks as `Rounds` does, and gives how each ended."""
    ended: SimpleQueue[Future[str]] = SimpleQueue()
    replies = [asking.submit(one) for one in asked]
    for one in replies:
        one.add_done_callback(ended.put)
    for _ in replies:
        if ended.empty():
            asking.idle()
        ended.get(timeout=60)
    return [one.exception(timeout=0) for one in replies]


def assert_all_stored(store: Store, asked: list[Request]) -> None:
    """The replies are those of live requests."""
    for one in asked:
        raw = store.get(one.key)
        assert raw is not None
        assert json.loads(raw) == json.loads(answer(one.body).raw)


@pytest.mark.parametrize(
    ("knobs", "least_jobs"),
    [
        ({}, 2),
        ({"batch_faults": 0.4}, 4),  # lines in the error file
        ({"expire_batches": 2}, 4),  # half of the lines done
        ({"batch_queue": 40}, 8),  # jobs that do not fit in the server's queue
        ({"batch_errors": 5}, 2),  # calls that are done, and answered 503
        ({"no_schema": True}, 4),
    ],
)
def test_through_faults(
    knobs: dict[str, Any], least_jobs: int, server: Loopback, store: Store
) -> None:
    """Of all that can happen to jobs nothing is left: each reply is had, once, and stored."""
    server.config(**knobs)
    asked = requests(server, 60, response_format=SCHEMA)
    asked += requests(server, 40, response_format=SCHEMA, model="fake-large")
    with asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 100
    stats = server.stats()
    assert (stats["paid"], stats["repeated"], stats["requests"]) == (100, 0, 0)
    assert stats["batches_under_way"] == 0
    assert stats["batches"] >= least_jobs
    if set(knobs) <= {"batch_errors"}:  # no job was made twice
        assert stats["batches"] == 2
    usage = asking.usage
    assert (usage.replies, usage.given_up, usage.in_flight) == (100, 0, 0)
    assert usage.tokens == (stats["prompt_tokens"], stats["completion_tokens"])
    assert usage.jobs is not None
    assert usage.jobs.sent == usage.jobs.over == stats["batches"]
    assert asking.unfinished == ""
    if not knobs.get("no_schema"):
        assert_all_stored(store, asked)


def test_cancelled(server: Loopback, store: Store) -> None:
    """Of a job that somebody cancelled the half that was done is taken; the rest is asked again."""
    server.config(batch_polls=1_000_000)
    asked = requests(server, 40)
    with (
        asking_of(store, server) as asking,
        openai.OpenAI(base_url=server.base_url, api_key="sk-test") as client,
    ):
        replies = [asking.submit(one) for one in asked]
        asking.idle()
        while not (batches := client.batches.list().data):
            pass
        client.batches.cancel(batches[0].id)
        server.config(batch_polls=2)
        assert ask(asking, asked) == [None] * 40
        assert all(one.done() for one in replies)
    assert server.stats()["batches"] == 2
    assert (server.stats()["paid"], server.stats()["repeated"]) == (40, 0)


def test_jobs_are_bounded(server: Loopback, store: Store) -> None:
    """A job that is full goes at once; it holds one model, and no more than may be."""
    server.config(batch_lines=25)
    with asking_of(store, server, most=25) as asking:
        asked = requests(server, 60)
        replies = [asking.submit(one) for one in asked]
        assert [one.exception(timeout=60) for one in replies[:50]] == [None] * 50
        assert not any(one.done() for one in replies[50:])
        assert ask(asking, asked) == [None] * 60
    assert server.stats()["batches"] == 3


def test_bytes_of_a_job_are_bounded() -> None:
    """A file has at most 200 MB, whatever its lines are; one that is larger goes alone."""
    gathered, small = Gathered(), waiting(request())
    half = small._replace(size=MOST_BYTES // 2 - LINE_BYTES)
    sizes = [half, half, small, small._replace(size=2 * MOST_BYTES), small]
    for one in sizes:
        gathered.add(one)
    assert gathered.is_full(1000)
    taken = []
    while gathered.requests:
        taken.append(gathered.take(1000))
    assert list(map(len, taken)) == [2, 1, 1, 1]
    assert gathered.size == 0
    gathered.put_back(taken[0])
    assert gathered.take(1) == [half]


def test_nothing_twice(server: Loopback, store: Store) -> None:
    """What is asked for already, or stored by whatever way, is in no job."""
    asked = requests(server, 20)
    for one in asked[:10]:
        store.put(one, reply(one.key), Tokens(1, 1)).result()
    with asking_of(store, server) as asking:
        assert ask(asking, [*asked, *asked]) == [None] * 40
    assert server.stats()["paid"] == 10
    assert asking.usage.stored == 20
    assert store.get(asked[3].key) == reply(asked[3].key)


def test_two_at_once(server: Loopback, path: Path) -> None:
    """Two runs on one store share their jobs; each gets all replies."""
    server.config(batch_polls=4, batch_faults=0.3)
    asked = requests(server, 60)
    with (
        closing(Store(path)) as store,
        closing(Store(path)) as other_store,
        asking_of(store, server) as asking,
        asking_of(other_store, server) as other,
    ):
        for one in asked[:40]:
            asking.submit(one)
        asking.idle()
        for one in asked[20:]:
            other.submit(one)
        other.idle()
        assert ask(asking, asked[:40]) == [None] * 40
        assert ask(other, asked[20:]) == [None] * 40
    assert (server.stats()["paid"], server.stats()["repeated"]) == (60, 0)


def test_a_request_that_is_refused(server: Loopback, store: Store) -> None:
    """One that is refused, while others of its job are answered, fails alone, and says why."""
    bad = request(99, base_url=server.base_url, stream=True)
    with asking_of(store, server) as asking:
        ends = ask(asking, [bad, *requests(server, 20)])
    assert isinstance(ends[0], RequestFailed)
    assert "This server does not stream" in str(ends[0])
    assert ends[1:] == [None] * 20
    assert asking.usage.given_up == 1


def test_all_are_refused(server: Loopback, store: Store) -> None:
    """A model that is not there ends all, in the server's words; nothing is left under way."""
    with asking_of(store, server) as asking:
        ends = ask(asking, requests(server, 20, model="missing"))
        late = asking.submit(request(50, base_url=server.base_url))
        assert isinstance(late.exception(timeout=0), RefusedError)
    assert all(isinstance(end, RefusedError) for end in ends)
    assert "404" in str(ends[0])
    assert "`missing` does not exist" in str(ends[0])
    assert asking.unfinished == ""


@pytest.mark.parametrize(("count", "error"), [(3, RequestFailed), (20, ServerDown)])
def test_all_fail(count: int, error: type[Exception], server: Loopback, store: Store) -> None:
    """What fails in job after job is given up; where much does, it is the server."""
    server.config(batch_faults=1.0, faults_in_a_row=1000)
    with asking_of(store, server) as asking:
        ends = ask(asking, requests(server, count))
    assert all(isinstance(end, error) for end in ends)
    assert server.stats()["batches"] == 8


@pytest.mark.parametrize("status", [404, 500])
def test_a_file_that_comes_late(status: int, server: Loopback, store: Store) -> None:
    """A job says that it has a file, so that is fetched until it is there; nothing is lost."""
    server.config(file_errors=4, file_status=status)
    asked = requests(server, 20)
    said: list[str] = []
    with asking_of(store, server, say=said.append) as asking:
        assert ask(asking, asked) == [None] * 20
    stats = server.stats()
    assert (stats["batches"], stats["paid"], stats["repeated"]) == (1, 20, 0)
    assert said == []
    assert_all_stored(store, asked)


@pytest.mark.parametrize("status", [404, 500])
def test_a_file_that_never_comes(status: int, server: Loopback, store: Store) -> None:
    """Its job is given up after a while, in a line that says why, and that it counts as paid."""
    server.config(file_errors=1_000_000, file_status=status)
    said: list[str] = []
    with asking_of(store, server, say=said.append, breaker_seconds=0.05) as asking:
        ends = ask(asking, requests(server, 5))
        assert all(isinstance(end, RequestFailed) for end in ends)
    assert "its file file-" in str(ends[0])
    assert f"says {status}" in str(ends[0])
    assert server.stats()["paid"] == 5 * 3
    assert [line.rpartition("; ")[2] for line in said] == ["5 are asked again"] * 2 + [
        "0 are asked again"
    ]
    assert all("batch job batch_000" in line and "no reply to 5 of" in line for line in said)


def test_files_of_a_server_that_is_down(server: Loopback, path: Path) -> None:
    """Where the server cannot say how a job is either, its replies are there to be had later."""
    asked = requests(server, 5)
    server.config(file_errors=1_000_000, file_status=500)
    with closing(Store(path)) as store:
        with asking_of(store, server, breaker_seconds=0.3, backoff=0.05) as asking:
            for one in asked:
                asking.submit(one)
            asking.idle()
            server.wait("kept_back", 1)
            server.config(batch_errors=1_000_000)
            ends = ask(asking, asked)
        assert all(isinstance(end, ServerDown) for end in ends)
    server.config(file_errors=0, batch_errors=0)
    with closing(Store(path)) as store, asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 5
    assert (server.stats()["paid"], server.stats()["repeated"]) == (5, 0)


def test_lines_that_are_missing(server: Loopback, store: Store) -> None:
    """What is in no file of a job that is over is asked again, and said to be."""
    server.config(batch_missing=0.3, faults_in_a_row=1)
    asked = requests(server, 60)
    said: list[str] = []
    with asking_of(store, server, say=said.append, price_out=10) as asking:
        assert ask(asking, asked) == [None] * 60
    stats = server.stats()
    lost = stats["repeated"]
    assert lost == stats["paid"] - 60 > 5
    [line] = said
    assert f"no reply to {lost} of its requests (there is no line for it)" in line
    assert f"{lost} are asked again" in line
    assert asking.usage.replies == 60
    # 100 tokens each, at most, for those that may have been paid for.
    replies = asking.usage.tokens.completion
    assert asking.usage.cost == pytest.approx((replies + 100 * lost) * 10 / 1e6)
    assert_all_stored(store, asked)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"max_requests": 30}, 30),
        ({"max_requests": 70}, 70),
        ({"max_cost": 0.02, "price_out": 10}, 20),
    ],
)
def test_budget_of_jobs_without_replies(
    limits: dict[str, Any], most: int, server: Loopback, store: Store
) -> None:
    """A request that was in a job counts as paid for, whether or not a line came back for it."""
    server.config(batch_missing=1.0, faults_in_a_row=1000)
    with asking_of(store, server, most=10, **limits) as asking:
        ends = ask(asking, requests(server, 60))
    assert all(isinstance(end, BudgetReached | RequestFailed | ServerDown) for end in ends)
    paid = server.stats()["paid"]
    assert 0 < paid <= most
    assert asking.usage.cost == pytest.approx(paid * 100 * limits.get("price_out", 0) / 1e6)


def test_missing_lines_are_asked_for_a_few_times(server: Loopback, store: Store) -> None:
    """What is paid for each time, and never comes, is given up soon; the others are had."""
    server.config(batch_missing=0.5, faults_in_a_row=1000)
    with asking_of(store, server) as asking:
        ends = ask(asking, requests(server, 40))
    failed = sum(isinstance(end, RequestFailed) for end in ends)
    assert failed == asking.usage.given_up > 0
    assert ends.count(None) == 40 - failed
    assert "there is no line for it (3 tries)" in str(next(filter(None, ends)))
    assert server.stats()["batches"] == 3


@pytest.mark.parametrize("faults", [0.0, 0.3])
def test_lines_that_are_there_twice(faults: float, server: Loopback, store: Store) -> None:
    """A line counts once, whatever it says."""
    server.config(batch_twice=True, batch_faults=faults)
    asked = requests(server, 40)
    with asking_of(store, server, max_requests=40) as asking:
        assert ask(asking, asked) == [None] * 40
    stats = server.stats()
    assert (stats["paid"], asking.usage.replies) == (40, 40)
    assert asking.usage.tokens == (stats["prompt_tokens"], stats["completion_tokens"])


def test_a_job_that_is_refused(server: Loopback, store: Store) -> None:
    """A job that the server does not take ends all, in its words; the next run makes another."""
    server.config(batch_lines=5)
    asked = requests(server, 20)
    with asking_of(store, server) as asking:
        ends = ask(asking, asked)
    assert all(isinstance(end, RefusedError) for end in ends)
    assert "batch_000" in str(ends[0])
    assert "A batch may have 5 lines" in str(ends[0])
    server.config(batch_lines=50)
    with asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 20


def test_a_queue_without_room_for_one(server: Loopback, store: Store) -> None:
    """Where not even one request fits, the server's words end the run."""
    server.config(batch_queue=1)
    with asking_of(store, server) as asking:
        assert ask(asking, requests(server, 3)) == [None] * 3
    other = [request(n, base_url=server.base_url) for n in range(10, 12)]
    with openai.OpenAI(base_url=server.base_url, api_key="sk-test") as client:
        line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {}}
        file = client.files.create(file=("a", json.dumps(line).encode()), purpose="batch")
        client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
    with asking_of(store, server) as asking:
        ends = ask(asking, other)
    assert all("Enqueued token limit reached" in str(end) for end in ends)


def test_budget(server: Loopback, store: Store) -> None:
    """So many are paid for, to the last one, and stored; the rest goes on another time."""
    asked = requests(server, 60)
    with asking_of(store, server, max_requests=25) as asking:
        ends = ask(asking, asked)
    assert ends.count(None) == 25
    assert sum(isinstance(end, BudgetReached) for end in ends) == 35
    assert server.stats()["paid"] == 25
    with asking_of(store, server, max_requests=35) as asking:
        assert ask(asking, asked) == [None] * 60
    assert (server.stats()["paid"], server.stats()["repeated"]) == (60, 0)


def test_budget_in_money(server: Loopback, store: Store) -> None:
    """What a job may cost is reserved, what it did cost counts; the sum stays below the bound."""
    asked = requests(server, 60)
    with asking_of(store, server, max_cost=0.003, price_out=10) as asking:
        ends = ask(asking, asked)
    assert 3 < ends.count(None) < 60
    assert any("--max-cost 0.003 is reached" in str(end) for end in ends)
    assert 0.002 < asking.usage.cost <= 0.003
    assert server.stats()["batches"] > 1


def test_left_while_jobs_run(server: Loopback, path: Path) -> None:
    """It says which jobs go on; the next one waits for these, and makes none."""
    server.config(batch_polls=1_000_000)
    asked = requests(server, 30)
    with closing(Store(path)) as store:
        with asking_of(store, server) as asking:
            for one in asked:
                asking.submit(one)
            asking.idle()
            while not (usage := asking.usage).in_flight:
                pass
        assert "batch_000" in asking.unfinished
        assert "1 running (0 of 30 done" in used.progress(usage)
    server.config(batch_polls=1)
    with closing(Store(path)) as store, asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 30
    assert (server.stats()["batches"], server.stats()["paid"]) == (1, 30)


def test_a_job_of_another_key(server: Loopback, path: Path) -> None:
    """A job that the server does not know is not paid for again: the run ends and says so."""
    asked = requests(server, 10)
    lost(path, server, asked, batch="batch_of_another_key")
    with closing(Store(path)) as store, asking_of(store, server) as asking:
        ends = ask(asking, asked)
    assert all(isinstance(end, RefusedError) for end in ends)
    assert "No such batch: batch_of_another_key" in str(ends[0])
    assert "10 of the wanted requests" in str(ends[0])
    assert server.stats()["batches"] == 0


def lost(path: Path, server: Loopback, asked: list[Request], batch: str | None = None) -> None:
    """As if a process had been killed that kept a job with these."""
    with closing(Store(path)), closing(JobTable(path, server.base_url)) as table:
        table.begin("a-name", map(waiting, asked))
        if batch:
            table.made("a-name", batch)


def test_a_job_that_was_never_made(server: Loopback, path: Path) -> None:
    """Killed before it was made, its requests are free; other jobs are none of ours."""
    asked = requests(server, 10)
    lost(path, server, asked)
    with openai.OpenAI(base_url=server.base_url, api_key="sk-test") as client:
        for number in range(3):
            file = client.files.create(file=("a", b"{}"), purpose="batch")
            client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={NAME: f"another-{number}"} if number else None,
            )
    with closing(Store(path)) as store, asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 10
    assert (server.stats()["batches"], server.stats()["paid"]) == (4, 10)


def test_jobs_are_forgotten_in_time(server: Loopback, path: Path) -> None:
    """After a month a server has deleted what came of a job; asked for anew it is then sent."""
    asked = requests(server, 3)
    lost(path, server, asked, batch="batch_of_last_year")
    with closing(sqlite3.connect(path)) as connection, connection:
        then = (int(time.time()) - 31 * 86_400,)
        connection.execute("UPDATE jobs SET created = ?", then)
        connection.execute("UPDATE job_requests SET created = ?", then)
    with closing(Store(path)) as store, asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM jobs").fetchall() == []
        assert connection.execute("SELECT * FROM job_requests").fetchall() == []


def test_wrong_key(
    server: Loopback, store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's words without the key that it repeats; no key is in the store."""
    server.config(api_key="sk-right-and-secret")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    asked = requests(server, 20)
    with asking_of(store, server) as asking:
        ends = ask(asking, asked)
    assert all(isinstance(end, RefusedError) for end in ends)
    assert "401" in str(ends[0])
    assert "[API key]" in str(ends[0])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right-and-secret")
    with asking_of(store, server) as asking:
        assert ask(asking, asked) == [None] * 20
    error: BaseException | None = ends[0]
    while error is not None:
        assert KEY not in str(error)
        error = error.__context__
    held = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"hawks" in held
    assert KEY.encode() not in held
    assert b"sk-right-and-secret" not in held


def test_server_down(path: Path) -> None:
    """A server that stays away ends the run, and what goes on there is said."""
    with (
        serve(batch_polls=1_000_000) as server,
        closing(Store(path)) as store,
        asking_of(store, server, breaker_seconds=0.05, backoff=0.02) as asking,
    ):
        replies = [asking.submit(one) for one in requests(server, 5)]
        asking.idle()
        while not asking.usage.in_flight:
            pass
        server.kill()
        error = replies[0].exception(timeout=60)
    assert isinstance(error, ServerDown)
    assert "batch_0000" in asking.unfinished
    assert server.base_url in str(error)


def test_lines_of_any_text() -> None:
    """Separators of lines in a text, lone surrogates and broken lines are no matter."""
    body = json.loads(answer(request().body).raw)
    body["choices"][0]["message"]["content"] = "one\u2028two\x85three\ud800"
    good = {"custom_id": "aa", "response": {"status_code": 200, "body": body}}
    expired = {"custom_id": "bb", "response": None, "error": {"code": "e", "message": "too late"}}
    texts = [
        json.dumps(good, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        json.dumps(good).encode(),
        b"[1]",
        b'{"custom_id": "c"',
        b'{"custom_id": "dd", "response": 7}',
        b'{"custom_id": "no key", "response": null}',
        json.dumps(expired).encode(),
    ]
    lines = list(read_lines(io.BytesIO(b"\n".join(texts)), ApiKey()))
    assert [one.key for one in lines] == ["aa", "aa", "bb"]
    for one in lines[:2]:
        assert one.answer is not None
        assert json.loads(read_answer(one.answer, request(), ApiKey()).raw) == body
    assert (lines[2].answer, lines[2].words) == (None, "too late")
