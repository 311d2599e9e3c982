"""The loopback server is an OpenAI server to the openai client, and fails when told to."""

import asyncio
import http.client
import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import openai
import pytest

from duplexdata.pipeline.generate import fake
from duplexdata.tests.loopback import Loopback, serve
from duplexdata.tests.loopback.knobs import TRANSPORT_FAULTS, Knobs

KEY = "sk-test-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """One server for the module."""
    with serve() as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[openai.OpenAI]:
    """A client of the server, which has forgotten everything and stands at its defaults."""
    defaults = Knobs()
    server.config(
        **{
            name: getattr(defaults, name)
            for name in Knobs.__slots__
            if name not in {"port", "until_stdin_closes"}
        }
    )
    server.reset()
    with client_of(server) as made:
        yield made


def client_of(server: Loopback, key: str = KEY) -> openai.OpenAI:
    """A client that tries once."""
    return openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=0, timeout=60)


def request(text: str = "How is the weather?", model: str = "fake-small") -> dict[str, Any]:
    """A request's body."""
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def ask(client: openai.OpenAI, text: str = "How is the weather?", **more: Any) -> Any:
    """Asks, and gives the response's raw body."""
    return client.chat.completions.with_raw_response.create(**request(text), **more).text


def statements(count: int = 2) -> dict[str, Any]:
    """A request with a schema."""
    schema = {
        "type": "object",
        "properties": {"statements": {"type": "array", "items": {"type": "string"}}},
        "required": ["statements"],
        "additionalProperties": False,
    }
    values = {"language": "en", "history": [], "count": count}
    form = {"name": "statement", "strict": True, "schema": schema}
    return request(json.dumps(values)) | {
        "response_format": {"type": "json_schema", "json_schema": form}
    }


def test_a_reply_is_the_engines(client: openai.OpenAI, server: Loopback) -> None:
    """The bytes are those that the fake engine gives for the same body and seed."""
    made = fake.answer(request())
    assert ask(client) == made.raw
    server.config(seed=3)
    assert ask(client) == fake.answer(request(), seed=3).raw != made.raw


def test_structured_output(client: openai.OpenAI) -> None:
    """A request with a schema gets JSON of its form."""
    made = client.chat.completions.create(**statements(3))
    reply = json.loads(made.choices[0].message.content or "")
    assert len(reply["statements"]) == 3


def test_models(client: openai.OpenAI) -> None:
    """Models are listed and told; one that is missing is missing everywhere."""
    assert [model.id for model in client.models.list()] == ["fake-large", "fake-small"]
    assert client.models.retrieve("fake-large").id == "fake-large"
    with pytest.raises(openai.NotFoundError, match="`missing` does not exist"):
        client.models.retrieve("missing")
    with pytest.raises(openai.NotFoundError, match="`missing` does not exist"):
        client.chat.completions.create(**request(model="missing"))


def test_a_key_is_asked_for(client: openai.OpenAI, server: Loopback) -> None:
    """A wrong key is refused, and repeated in the message; the right one passes."""
    server.config(api_key=KEY)
    assert ask(client)
    with client_of(server, "sk-wrong") as other, pytest.raises(openai.AuthenticationError) as wrong:
        ask(other)
    assert "sk-wrong" in str(wrong.value)
    assert server.stats()["statuses"] == {"200": 1, "401": 1}


def test_a_server_without_schemas(client: openai.OpenAI, server: Loopback) -> None:
    """It refuses a response_format by name and answers without."""
    server.config(no_schema=True)
    body = statements()
    with pytest.raises(openai.BadRequestError, match="response_format"):
        client.chat.completions.create(**body)
    del body["response_format"]
    content = client.chat.completions.create(**body).choices[0].message.content
    assert json.loads(content or "")["statements"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (b"{", "parse the JSON"),
        (b"[]", "messages"),
        (b'{"model": "m", "messages": ["Hello"]}', "messages"),
        (b'{"messages": []}', "model"),
        (b'{"model": "m", "messages": [], "stream": true}', "stream"),
    ],
)
@pytest.mark.usefixtures("client")
def test_a_wrong_request(server: Loopback, wrong: bytes, told: str) -> None:
    """What is no request is a 400 that says why."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/v1/chat/completions", wrong)
    response = connection.getresponse()
    assert response.status == 400
    assert told in json.load(response)["error"]["message"]
    connection.close()


def test_faults_of_content(client: openai.OpenAI, server: Loopback) -> None:
    """They are the engine's, by share and by name."""
    server.config(faults=1.0, only_faults="no_choices")
    assert client.chat.completions.create(**request()).choices == []
    assert server.stats()["faults"] == {"no_choices": 1}


@pytest.mark.parametrize("name", sorted(set(TRANSPORT_FAULTS) - {"slow"}))
def test_a_fault_of_transport(client: openai.OpenAI, server: Loopback, name: str) -> None:
    """A try fails as the fault says and is not paid for; a later one succeeds."""
    server.config(transport_faults=1.0, only_transport_faults=name, faults_in_a_row=2)
    for _ in range(2):
        with pytest.raises(openai.APIError) as failed:
            ask(client)
        error = failed.value
        if name == "dropped":
            assert isinstance(error, openai.APIConnectionError)
            continue
        assert isinstance(error, openai.APIStatusError)
        retry_after = error.response.headers.get("retry-after")
        assert error.status_code == (int(name[6:]) if name.startswith("error_") else 429)
        assert (retry_after == "1") == (name == "limited")
        if name == "limited_until":
            assert parsedate_to_datetime(retry_after or "").timestamp() > time.time() - 60
        elif name != "limited":
            assert retry_after is None
    assert server.stats()["paid"] == 0
    assert ask(client) == fake.answer(request()).raw
    stats = server.stats()
    assert stats["transport_faults"] == {name: 2}
    assert (stats["requests"], stats["distinct"], stats["paid"]) == (3, 1, 1)


def test_a_slow_reply(client: openai.OpenAI, server: Loopback) -> None:
    """It outlasts the client's patience, and nobody paid for it."""
    server.config(transport_faults=1.0, only_transport_faults="slow", slow=600.0, faults_in_a_row=1)
    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=0.2)
    assert ask(client)
    assert server.stats()["paid"] == 1


def test_a_share_of_the_tries_fails(client: openai.OpenAI, server: Loopback) -> None:
    """About as many as asked for, and the same ones when all is done again."""
    server.config(transport_faults=0.4, only_transport_faults="error_500,limited_bare")

    def failed() -> list[int]:
        found = []
        for number in range(80):
            try:
                ask(client, f"How are you, {number}?")
            except openai.APIStatusError:
                found.append(number)
        return found

    first = failed()
    assert 16 < len(first) < 48
    assert set(server.stats()["transport_faults"]) == {"error_500", "limited_bare"}
    server.reset()
    assert failed() == first


def test_a_cap(client: openai.OpenAI, server: Loopback) -> None:
    """A second's worth passes at once, then 429 says when to come again."""
    server.config(cap=0.001, retry_after=7.5)
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client)
    assert limited.value.response.headers["retry-after"] == "7.5"
    server.reset()
    server.config(cap=5.0, retry_after=0.0)
    for _ in range(5):
        ask(client)
    # However fast the bucket fills, a client that never waits finds it empty.
    with pytest.raises(openai.RateLimitError) as limited:
        any(not ask(client) for _ in range(2000))
    assert "retry-after" not in limited.value.response.headers


def test_a_status_for_all(client: openai.OpenAI, server: Loopback) -> None:
    """A server can be told to fail until it is told otherwise."""
    server.config(status=503)
    for _ in range(6):
        with pytest.raises(openai.InternalServerError):
            ask(client)
    server.config(status=0)
    assert ask(client)
    assert server.stats()["statuses"] == {"503": 6, "200": 1}


@pytest.mark.usefixtures("client")
def test_requests_in_flight_and_what_was_paid(server: Loopback) -> None:
    """Requests are in the works side by side; what is asked twice is counted as repeated."""
    server.config(latency=0.5)

    async def all_at_once() -> None:
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key=KEY, max_retries=0
        ) as client:
            bodies = [request(f"How are you, {number % 15}?") for number in range(20)]
            await asyncio.gather(*(client.chat.completions.create(**body) for body in bodies))

    asyncio.run(all_at_once())
    stats = server.stats()
    assert stats["max_in_flight"] == 20
    assert stats["in_flight"] == 0
    assert (stats["requests"], stats["paid"], stats["distinct"]) == (20, 20, 15)
    assert stats["repeated"] == 5
    assert stats["models"] == {"fake-small": 20}
    assert stats["kinds"] == {"chat": 20}
    made = [fake.answer(request(f"How are you, {number % 15}?")) for number in range(20)]
    assert stats["prompt_tokens"] == sum(one.prompt_tokens for one in made)
    assert stats["completion_tokens"] == sum(one.completion_tokens for one in made)


def test_a_server_that_dies_for_a_while(client: openai.OpenAI, server: Loopback) -> None:
    """The request at which it dies breaks, later ones find nobody, then it is there again."""
    server.config(die_after=2, die_for=0.3)
    assert ask(client)
    failures = 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            ask(client)
            break
        except openai.APIConnectionError:
            failures += 1
    assert failures >= 2
    stats = server.stats()
    assert stats["deaths"] == 1
    assert (stats["paid"], stats["repeated"]) == (2, 1)


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"rain": 1}, "no such knob: rain"),
        ({"latency": "long"}, "latency takes a float"),
        ({"seed": True}, "seed takes a int"),
        ({"only_faults": "rain"}, "no such fault: rain"),
        ({"only_transport_faults": "slow,rain"}, "no such fault: rain"),
    ],
)
def test_a_knob_that_is_none(server: Loopback, knobs: dict[str, Any], told: str) -> None:
    """A wrong name or value is told and changes nothing."""
    with pytest.raises(ValueError, match=told):
        server.config(**knobs)
    assert "rain" not in str(server.config())


def test_a_server_that_cannot_start() -> None:
    """A wrong flag is an error at once, not a wait."""
    with pytest.raises(RuntimeError, match="did not start"), serve(only_faults="rain"):
        pass


def test_a_server_ends() -> None:
    """With its standard input, or killed; then nobody is there."""
    with serve() as first, serve() as second:
        assert first.process.stdin is not None
        first.process.stdin.close()
        assert first.process.wait(timeout=60) == 0
        second.kill()
        assert second.process.returncode == -9
        for gone in (first, second):
            with client_of(gone) as client, pytest.raises(openai.APIConnectionError):
                ask(client)
