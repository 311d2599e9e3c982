"""What goes over the wire, and what comes of what comes back."""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from duplexdata.pipeline.errors import RecipeError
from duplexdata.pipeline.generate.api_key import ApiKey, load_api_key
from duplexdata.pipeline.generate.fake import answer
from duplexdata.pipeline.generate.request import Request
from duplexdata.pipeline.generate.sending import Refused, Retry, Sent, Transport
from duplexdata.pipeline.generate.transport import (
    AioHttpTransport,
    FakeTransport,
    OpenAITransport,
)
from duplexdata.tests.generate.asked import request
from duplexdata.tests.loopback import Loopback, serve

KEY = "sk-of-a-test-and-very-secret"
SCHEMA = {"type": "json_schema", "json_schema": {"name": "fuse", "strict": True, "schema": {}}}

HTTP = pytest.mark.parametrize("make", [OpenAITransport, AioHttpTransport])
Make = type[OpenAITransport] | type[AioHttpTransport]


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "DUPLEXDATA_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """A server without faults."""
    with serve() as running:
        yield running


def send(transport: Transport, *requests: Request) -> list[Sent]:
    """Sends them one after the other."""

    async def all_of_them() -> list[Sent]:
        try:
            return [await transport.send(one) for one in requests]
        finally:
            await transport.close()

    return asyncio.run(all_of_them())


@HTTP
def test_reply(make: Make, server: Loopback) -> None:
    """The reply is the server's body to the byte, Chinese and schema in the request or not."""
    asked = [
        request(1, base_url=server.base_url),
        request(2, base_url=server.base_url, response_format=SCHEMA, temperature=0.5),
        request(3, base_url=server.base_url, user="为什么"),
    ]
    for sent, one in zip(send(make(), *asked), asked, strict=True):
        fake = answer(one.body)
        assert sent.raw == fake.raw
        assert sent.tokens == (fake.prompt_tokens, fake.completion_tokens)


def test_fake() -> None:
    """The fake transport gives what the server gives; its seed and faults change that."""
    asked = request(1)
    assert send(FakeTransport(), asked)[0].raw == answer(asked.body).raw
    (spoilt,) = send(FakeTransport(seed=3, faults=1.0, latency=0.001), asked)
    assert spoilt.raw == answer(asked.body, 3, 1.0).raw


@HTTP
def test_key_is_sent(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key comes from the environment or a file, and the server gets it."""
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    with serve(api_key=KEY) as server:
        asked = request(base_url=server.base_url)
        assert send(make(file), asked)
        monkeypatch.setenv("DUPLEXDATA_API_KEY_FILE", str(file))
        assert send(make(), asked)
        monkeypatch.delenv("DUPLEXDATA_API_KEY_FILE")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert send(make(), asked)
        monkeypatch.delenv("OPENAI_API_KEY")
        with pytest.raises(Refused, match=r"401: .*no key was sent"):
            send(make(), asked)


@HTTP
def test_key_goes_before_a_netrc(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that is kept for a machine is not sent in the key's place, and breaks nothing."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(api_key=KEY) as server:
        assert send(make(), request(base_url=server.base_url))


@HTTP
def test_the_proxy_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster's nodes may reach a server through one alone; some are reached without."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve(api_key=KEY) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        assert send(make(), request(base_url="http://models.invalid/v1"))
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert send(make(), request(base_url=server.base_url))


@HTTP
def test_wrong_key(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that the server echoes in its refusal is in no message, log, repr or traceback."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    transport = make()
    with serve(api_key="another") as server, pytest.raises(Refused) as refused:
        send(transport, request(base_url=server.base_url))
    error: BaseException | None = refused.value
    assert "401" in str(error)
    assert "[API key]" in str(error)
    told = "".join(traceback.format_exception(refused.value))
    while error is not None:
        told += f"{error} {error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    assert KEY not in told + repr(transport) + repr(vars(transport)) + caplog.text


@HTTP
def test_unreachable_says_no_key(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does what is told of a server that is not there."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve() as server:
        server.kill()
        with pytest.raises(Retry, match=server.base_url) as failed:
            send(make(), request(base_url=server.base_url))
    assert not failed.value.maybe_paid
    error: BaseException | None = failed.value
    while error is not None:
        for held in (error, getattr(error, "request", None)):
            assert KEY not in f"{held} {held!r} {getattr(held, 'headers', '')}"
        error = error.__cause__ or error.__context__


@HTTP
def test_wrong_model(make: Make, server: Loopback) -> None:
    """The server's own words say what is wrong."""
    with pytest.raises(Refused, match=r"404: .*missing") as refused:
        send(make(), request(base_url=server.base_url, model="missing"))
    assert not refused.value.alone


@HTTP
def test_no_schemas(make: Make) -> None:
    """A server that knows no response_format is asked without, the second time at once."""
    with serve(no_schema=True) as server:
        asked = [
            request(number, base_url=server.base_url, response_format=SCHEMA) for number in range(2)
        ]
        plain = [request(number, base_url=server.base_url) for number in range(2)]
        assert [one.raw for one in send(make(), *asked)] == [answer(p.body).raw for p in plain]
        assert server.stats()["requests"] == 3


@HTTP
@pytest.mark.parametrize(
    ("fault", "pushed_back", "after"),
    [
        ("dropped", False, None),
        ("error_500", False, None),
        ("error_503", False, None),
        ("limited", True, 3),
        ("limited_until", True, 3),
        ("limited_bare", True, None),
    ],
)
def test_faults_on_the_way(make: Make, fault: str, pushed_back: bool, after: float | None) -> None:
    """Whatever breaks on the way is to be tried again, and half a body is no reply."""
    with serve(transport_faults=1.0, only_transport_faults=fault, retry_after=3) as server:
        with pytest.raises(Retry) as failed:
            send(make(), request(base_url=server.base_url))
        assert failed.value.pushed_back is pushed_back
        assert failed.value.maybe_paid is (fault == "dropped")
        if after is None:
            assert failed.value.retry_after is None
        else:
            assert failed.value.retry_after is not None
            assert 0 < failed.value.retry_after <= after
        assert not server.stats()["repeated"]


@HTTP
def test_too_slow(make: Make) -> None:
    """A reply that does not come in time is to be tried again."""
    with serve(latency=60) as server, pytest.raises(Retry, match=r"no reply in 0\.2 seconds"):
        send(make(timeout=0.2), request(base_url=server.base_url))


def test_key_is_shown_nowhere() -> None:
    """Not where a key is printed, and it cannot be written down by accident."""
    key = ApiKey(KEY)
    assert KEY not in f"{key} {key!r}"
    assert bool(key)
    assert not ApiKey(" ")
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert ApiKey("none").mask("none of it") == "none of it"


@pytest.mark.parametrize("content", ["", "two words", "zwei\nzeilen", "schlüssel"])
def test_wrong_key_file(tmp_path: Path, content: str) -> None:
    """A file that holds no key is named; what it holds is not shown."""
    file = tmp_path / "key"
    file.write_text(content, "utf-8")
    with pytest.raises(RecipeError, match=str(file)) as refused:
        load_api_key(file)
    assert not content or content not in str(refused.value)


def test_missing_key_file(tmp_path: Path) -> None:
    """So is a file that is not there, and bytes that are no text."""
    with pytest.raises(RecipeError, match="key-of-mine"):
        load_api_key(tmp_path / "key-of-mine")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="bytes"):
        load_api_key(tmp_path / "bytes")
