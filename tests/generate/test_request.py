"""A request's key is made of what determines its reply, and of nothing else."""

import pickle

import pytest

from duplexdata.pipeline.errors import RecipeError
from duplexdata.pipeline.generate.request import Request, normalised_url

BODY = {"model": "m", "messages": [{"role": "user", "content": "为什么？ \ud83d"}], "max_tokens": 9}


def test_key_stays() -> None:
    """A key of today finds what was kept yesterday: this one may change with KEY_VERSION only."""
    request = Request("fuse", "http://127.0.0.1:8000/v1", BODY)
    assert request.key == "99a4721f3994038a26d39defa897618a1262dcb54997df675b0f5df0174d91b3"
    assert Request("answer", request.base_url, dict(reversed(BODY.items()))).key == request.key
    assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301  # our own bytes


@pytest.mark.parametrize(
    "other",
    [
        Request("fuse", "http://127.0.0.1:8001/v1", BODY),
        Request("fuse", "http://127.0.0.1:8000/v1", BODY, attempt=1),
        Request("fuse", "http://127.0.0.1:8000/v1", BODY | {"model": "n"}),
        Request("fuse", "http://127.0.0.1:8000/v1", BODY | {"temperature": 0}),
        Request("fuse", "http://127.0.0.1:8000/v1", BODY | {"messages": []}),
    ],
)
def test_key_differs(other: Request) -> None:
    """Server, model, messages, parameters and try each make another request."""
    request = Request("fuse", "http://127.0.0.1:8000/v1", BODY)
    assert request.key != other.key
    assert request != other


def test_normalised_url() -> None:
    """One server has one spelling."""
    assert normalised_url(" HTTP://LocalHost:8000/v1/ ") == "http://localhost:8000/v1"
    assert normalised_url("https://api.openai.com/V1") == "https://api.openai.com/V1"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://a/v1",
        "http://",
        "http://a:x/v1",
        "http://name:secret-of-mine@a/v1",
        "http://a/v1?key=secret-of-mine",
        "",
    ],
)
def test_wrong_url(url: str) -> None:
    """What is no server, or would carry a secret into the store, is refused without showing it."""
    with pytest.raises(RecipeError) as refused:
        normalised_url(url)
    assert "secret-of-mine" not in str(refused.value)
