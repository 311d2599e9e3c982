"""What a server's answer means."""

import time
from email.utils import formatdate

import pytest

from duplexdata.pipeline.generate.api_key import ApiKey
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.sending import (
    Answer,
    Refused,
    Retry,
    estimated,
    read_answer,
    refuses_schemas,
    retry_after,
)
from duplexdata.tests.generate.asked import request

KEY = ApiKey("sk-of-a-test-and-secret")


def read(status: int, content: str | bytes, key: ApiKey = KEY, **headers: str) -> object:
    """What is read from an answer."""
    content = content.encode() if isinstance(content, str) else content
    return read_answer(
        Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content),
        request(),
        key,
    )


@pytest.mark.parametrize(
    "raw",
    [
        '{"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}',
        '{"choices":[{"message":{"content":"为什么"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}',
        '{"choices":[{"message":{"content":"cut \\ud83d"}}],"usage":{"prompt_tokens":7,'
        '"completion_tokens":3}}\n',
    ],
)
def test_reply(raw: str) -> None:
    """A reply is the body as it came, whatever is in its choices."""
    sent = read_answer(Answer(200, {}, raw.encode()), request(), KEY)
    assert sent.raw == raw
    assert sent.tokens == Tokens(7, 3)


@pytest.mark.parametrize("usage", ["", ',"usage":null', ',"usage":{"prompt_tokens":null}'])
def test_reply_without_usage(usage: str) -> None:
    """Where the server counts no tokens they are estimated, so that a budget can hold."""
    raw = f'{{"choices":[{{"message":{{"content":"{"x" * 400}"}}}}]{usage}}}'
    sent = read_answer(Answer(200, {}, raw.encode()), request(), KEY)
    assert sent.tokens.prompt == estimated(request()).prompt > 20
    assert sent.tokens.completion > 100


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>Bad gateway</html>", b'{"choices": [', b'{"choices": ["\xff"]}', b"[]", b"null"],
)
def test_no_reply(content: bytes) -> None:
    """A 200 without a whole reply is no reply, and not kept as one."""
    with pytest.raises(Retry) as failed:
        read(200, content)
    assert not failed.value.pushed_back


def test_error_as_reply() -> None:
    """Some gateways send errors as 200."""
    with pytest.raises(Retry, match="upstream is gone"):
        read(200, '{"error": {"message": "upstream is gone", "code": 502}}')


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_again(status: int) -> None:
    """After these asking again may help; only 429 by itself is a matter of pace."""
    with pytest.raises(Retry, match=f"{status}: not now") as failed:
        read(status, '{"error": {"message": "not\\n now"}}')
    assert failed.value.status == status
    assert failed.value.pushed_back is (status == 429)
    assert failed.value.retry_after is None


def test_overloaded() -> None:
    """A 503 that asks to be left alone for a while is a matter of pace too."""
    with pytest.raises(Retry) as failed:
        read(503, "", retry_after="3")
    assert failed.value.pushed_back
    assert failed.value.retry_after == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422])
def test_refused(status: int) -> None:
    """After these it does not; the server's own words are kept, in a line, without the key."""
    with pytest.raises(Refused) as refused:
        read(status, f'{{"error": {{"message": "no:\\n {KEY.reveal()}"}}}}')
    assert f"{status}: no: [API key]" in str(refused.value)
    assert KEY.reveal() not in str(refused.value)
    assert not refused.value.alone
    assert refused.value.may_be_alone is (status in {400, 413, 422})


@pytest.mark.parametrize("words", ["API key not valid", "billing_hard_limit_reached"])
def test_refused_for_what_all_have_in_common(words: str) -> None:
    """A key or an account says nothing of the request."""
    with pytest.raises(Refused) as refused:
        read(400, words)
    assert not refused.value.may_be_alone


def test_no_money() -> None:
    """A quota that is used up is a 429, but no pause helps."""
    with pytest.raises(Refused, match="You exceeded your current quota"):
        read(
            429,
            '{"error": {"message": "You exceeded your current quota", '
            '"code": "insufficient_quota"}}',
        )


@pytest.mark.parametrize(
    "content",
    [
        '{"error": {"message": "too long", "code": "context_length_exceeded"}}',
        '{"message": "This model\'s maximum context length is 4096 tokens.", "code": 400}',
        '{"error": {"code": 400, "type": "exceed_context_size_error", "message": "too long"}}',
        '{"error": {"message": "filtered", "code": "content_filter"}}',
        "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096",
        "Content Exists Risk",
        '{"error": {"code": "data_inspection_failed", "message": "Input data may be bad."}}',
        '{"error": {"code": "content_policy_violation", "message": "no"}}',
        "The input was flagged by moderation",
    ],
)
@pytest.mark.parametrize("status", [400, 403, 422])
def test_refused_alone(status: int, content: str) -> None:
    """What is too long, or may not be answered, says nothing of other requests."""
    with pytest.raises(Refused) as refused:
        read(status, content)
    assert refused.value.alone
    assert refused.value.may_be_alone


def test_words() -> None:
    """Words of any form are told, but not pages of them."""
    with pytest.raises(Refused, match="403: plain words"):
        read(403, "plain\n  words")
    with pytest.raises(Refused, match=r'404: \{"detail": "Not Found"\}'):
        read(404, '{"detail": "Not Found"}')
    with pytest.raises(Refused) as refused:
        read(403, "x" * 100_000)
    assert len(str(refused.value)) < 500
    with pytest.raises(Refused, match="no key was sent: set OPENAI_API_KEY"):
        read(401, "", ApiKey())
    with pytest.raises(Refused, match="http://there/v1"):
        read(301, "", location="http://there/v1")
    with pytest.raises(Refused) as refused:
        read(307, "\x1b]0;title\x07", location=f"http://there/v1?k={KEY.reveal()}" + "x" * 9_000)
    assert KEY.reveal() not in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 800


def test_key_in_a_reply() -> None:
    """A server that echoes the key does not bring it into the store."""
    sent = read_answer(
        Answer(200, {}, f'{{"choices":[{{"x":"{KEY.reveal()}"}}]}}'.encode()), request(), KEY
    )
    assert sent.raw == '{"choices":[{"x":"[API key]"}]}'


def test_retry_after() -> None:
    """Seconds, milliseconds or a time; what is none of them is none."""
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    for none in ("-3", "0", "nan"):
        assert retry_after({"retry-after": none}) is None
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
    then = retry_after({"retry-after": formatdate(time.time() + 90, usegmt=True)})
    assert then is not None
    assert 60 < then <= 90
    assert retry_after({"retry-after": formatdate(0, usegmt=True)}) is None


def test_refuses_schemas() -> None:
    """Servers that know no response_format name it."""
    content = b'{"error": {"message": "Unknown parameter: response_format"}}'
    assert refuses_schemas(Answer(400, {}, content))
    assert not refuses_schemas(Answer(500, {}, content))
    own = b"""{"error": {"message": "1 validation error: ('body', 'response_format', 'type')"}}"""
    assert refuses_schemas(Answer(500, {}, own))
    assert not refuses_schemas(Answer(400, {}, b"something else"))
