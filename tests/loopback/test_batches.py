"""Files and batch jobs of the loopback server, over the openai client."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai.types import Batch

from duplexdata.pipeline.generate import fake
from duplexdata.tests.loopback import Loopback, serve

LINES = 40


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server."""
    with serve() as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[openai.OpenAI]:
    """A client that tries once."""
    with openai.OpenAI(base_url=server.base_url, api_key="sk-test", max_retries=0) as made:
        yield made


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A line of an input file."""
    message = {"role": "user", "content": f"How are you, {number}?"}
    body = {"model": "fake-small", "messages": [message]}
    url = "/v1/chat/completions"
    return {"custom_id": f"ask-{number}", "method": "POST", "url": url, "body": body} | changes


def send(client: openai.OpenAI, lines: list[dict[str, Any]]) -> Batch:
    """Uploads the lines and makes a batch of them."""
    content = "".join(json.dumps(one) + "\n" for one in lines).encode()
    file = client.files.create(file=("asks.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"run": "seven"},
    )


def poll(client: openai.OpenAI, batch: Batch) -> tuple[Batch, list[str]]:
    """Asks until the batch has ended, and gives each status that it had."""
    statuses = [batch.status]
    while statuses[-1] not in {"completed", "failed", "expired", "cancelled"}:
        batch = client.batches.retrieve(batch.id)
        statuses.append(batch.status)
    return batch, list(map(str, statuses))


def lines_of(client: openai.OpenAI, file: str | None) -> list[dict[str, Any]]:
    """The lines of a file that a batch wrote."""
    assert file is not None
    return [json.loads(one) for one in client.files.content(file).text.splitlines()]


def test_a_batch(client: openai.OpenAI, server: Loopback) -> None:
    """It is validated, in progress, completed; its output is what live requests would get."""
    server.config(batch_polls=3)
    asked = [line(number) for number in range(LINES)]
    batch, statuses = poll(client, send(client, asked))
    assert statuses == ["validating", "in_progress", "in_progress", "completed"]
    assert batch.metadata == {"run": "seven"}
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": LINES, "completed": LINES, "failed": 0}
    assert batch.error_file_id is None
    output = lines_of(client, batch.output_file_id)
    # The order of the output is not that of the input.
    assert [one["custom_id"] for one in output] != [one["custom_id"] for one in asked]
    replies = {one["custom_id"]: one["response"] for one in output}
    for one in asked:
        response = replies[one["custom_id"]]
        assert response["status_code"] == 200
        assert response["body"] == json.loads(fake.answer(one["body"]).raw)
    stats = server.stats()
    assert (stats["requests"], stats["paid"], stats["repeated"]) == (0, LINES, 0)


def test_lines_that_fail(client: openai.OpenAI, server: Loopback) -> None:
    """They are in the error file, and succeed when they are asked again."""
    server.config(batch_faults=0.4, faults_in_a_row=1)
    asked = [line(number) for number in range(LINES)]
    batch, _ = poll(client, send(client, asked))
    assert batch.status == "completed"
    good = lines_of(client, batch.output_file_id)
    bad = lines_of(client, batch.error_file_id)
    assert {one["custom_id"] for one in good + bad} == {one["custom_id"] for one in asked}
    assert 4 < len(bad) < LINES - 4
    assert {one["response"]["status_code"] for one in bad} == {429, 500, 503}
    assert all("error" in one["response"]["body"] for one in bad)
    again = {one["custom_id"] for one in bad}
    batch, _ = poll(client, send(client, [one for one in asked if one["custom_id"] in again]))
    assert {one["custom_id"] for one in lines_of(client, batch.output_file_id)} == again
    assert (server.stats()["paid"], server.stats()["repeated"]) == (LINES, 0)


def test_a_line_with_a_wrong_model(client: openai.OpenAI) -> None:
    """It fails for good, with the status of a live request."""
    body = line(0)["body"] | {"model": "missing"}
    batch, _ = poll(client, send(client, [line(0, body=body)]))
    [bad] = lines_of(client, batch.error_file_id)
    assert bad["response"]["status_code"] == 404
    assert bad["response"]["body"]["error"]["code"] == "model_not_found"
    assert batch.output_file_id is None


def test_a_batch_that_expires(client: openai.OpenAI, server: Loopback) -> None:
    """Half of its lines are done, the others are named as not executed; the next one is done."""
    server.config(expire_batches=1)
    asked = [line(number) for number in range(LINES)]
    batch, statuses = poll(client, send(client, asked))
    assert statuses[-1] == "expired"
    assert batch.expired_at is not None
    good = lines_of(client, batch.output_file_id)
    bad = lines_of(client, batch.error_file_id)
    assert len(good) == len(bad) == LINES // 2
    assert {one["error"]["code"] for one in bad} == {"batch_expired"}
    assert all(one["response"] is None for one in bad)
    assert server.stats()["paid"] == LINES // 2
    _, statuses = poll(client, send(client, asked))
    assert statuses[-1] == "completed"


def test_a_batch_that_is_cancelled(client: openai.OpenAI) -> None:
    """What was done is kept; a batch that ended cannot be cancelled."""
    batch = client.batches.cancel(send(client, [line(number) for number in range(LINES)]).id)
    assert batch.status == "cancelling"
    batch, statuses = poll(client, batch)
    assert statuses[-1] == "cancelled"
    assert len(lines_of(client, batch.output_file_id)) == LINES // 2
    with pytest.raises(openai.ConflictError, match="cancelled"):
        client.batches.cancel(batch.id)


def test_files_with_faults(client: openai.OpenAI, server: Loopback) -> None:
    """Lines are paid for and missing, or there twice; a file is not given out at first."""
    server.config(batch_missing=0.3, batch_twice=True, file_errors=1)
    batch, _ = poll(client, send(client, [line(number) for number in range(LINES)]))
    with pytest.raises(openai.NotFoundError):
        lines_of(client, batch.output_file_id)
    named = [one["custom_id"] for one in lines_of(client, batch.output_file_id)]
    assert LINES // 2 < len(set(named)) < LINES
    assert len(named) == 2 * len(set(named))
    assert (server.stats()["paid"], server.stats()["kept_back"]) == (LINES, 1)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty_file"),
        ([line(0), line(0)], "duplicate_custom_id"),
        ([line(0), line(1, url="/v1/embeddings")], "invalid_url"),
        ([line(0), {"custom_id": "b"}], "invalid_json_line"),
        ([line(0), line(1, body=[])], "invalid_request"),
        ([line(0), line(1, body={"model": "other", "messages": []})], "mismatched_model"),
        ([line(number) for number in range(6)], "too_many_tasks"),
    ],
)
def test_a_wrong_input_file(
    client: openai.OpenAI, server: Loopback, lines: list[dict[str, Any]], code: str
) -> None:
    """The batch fails as a whole, says why, and nothing is paid for."""
    server.config(batch_lines=5)
    batch, statuses = poll(client, send(client, lines))
    assert statuses == ["validating", "failed"]
    assert batch.errors is not None
    assert [error.code for error in batch.errors.data or []] == [code]
    assert server.stats()["paid"] == 0


def test_files(client: openai.OpenAI) -> None:
    """They are told, read, listed a page at a time, and deleted."""
    made = [
        client.files.create(file=(f"{number}.jsonl", b"x" * number), purpose="batch")
        for number in range(25)
    ]
    assert client.files.retrieve(made[3].id).bytes == 3
    assert client.files.content(made[3].id).text == "xxx"
    assert [file.id for file in client.files.list()] == [file.id for file in reversed(made)]
    assert client.files.delete(made[3].id).deleted
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match="No such File"):
            gone(made[3].id)


def test_batches_are_listed(client: openai.OpenAI) -> None:
    """A run that was killed finds its batches again, over several pages."""
    made = [send(client, [line(number)]).id for number in range(5)]
    assert [batch.id for batch in client.batches.list(limit=2)] == made[::-1]
    with pytest.raises(openai.NotFoundError, match="No such batch"):
        client.batches.retrieve("batch_none")
    with pytest.raises(openai.NotFoundError, match="No such File"):
        client.batches.create(
            input_file_id="file-none", endpoint="/v1/chat/completions", completion_window="24h"
        )
