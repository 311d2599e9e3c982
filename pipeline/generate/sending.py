"""What sending a request is, over whatever transport, and what a server's answer means.

Retry     no reply, but there may be one: asked again
Refused   no reply, and there will be none: the server's own words say why
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple, NoReturn, Protocol

import orjson

from .api_key import ApiKey
from .request import Request, Tokens

_PUSHES_BACK = {HTTPStatus.TOO_MANY_REQUESTS}
_PASSES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, *_PUSHES_BACK}
"""The 4xx after which asking again may help; all 5xx are such."""
_NO_MONEY = "insufficient_quota"
_SPARE_LENGTH = 300
_OF_ONE_REQUEST = (
    # It is too long, as OpenAI, llama.cpp, vLLM, SGLang and TGI say it.
    *("context_length_exceeded", "exceed_context_size", "context length", "context window"),
    *("maximum model length", "max_new_tokens` must be", "prompt is too long"),
    # It may not be answered.
    *("content_filter", "content_policy", "content policy", "content management policy"),
    *("moderation", "data_inspection_failed", "content exists risk"),
)
"""What servers say of a request that is too long or may not be answered: others go on."""
_OF_ALL_REQUESTS = ("api key", "api_key", "billing", "quota")
_STATUS_OF_ONE = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply.

    Attributes:
        raw: the body of the response, JSON text, whole.
        tokens: as the server counts them, else estimated.
    """

    raw: str
    tokens: Tokens


class Retry(Exception):  # noqa: N818  # what is to be done, not what went wrong
    """No reply; ask again.

    Attributes:
        retry_after: seconds that the server wants to be left alone.
        pushed_back: whether the server has too much to do, rather than failed.
        status: of the response, if there was one.
        maybe_paid: whether the server may have made a reply all the same.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: float | None = None,
        pushed_back: bool = False,
        status: int | None = None,
        maybe_paid: bool = False,
    ) -> None:
        """Makes the error."""
        super().__init__(reason)
        self.retry_after = retry_after
        self.pushed_back = pushed_back
        self.status = status
        self.maybe_paid = maybe_paid


class Refused(Exception):  # noqa: N818  # the same
    """The server will not reply to this, however often it is asked.

    Attributes:
        alone: whether that lies in this one request, and others may be answered.
        may_be_alone: whether it does, if others are answered.
        status: of the response, if there was one.
    """

    def __init__(
        self,
        reason: str,
        *,
        alone: bool = False,
        may_be_alone: bool = False,
        status: int | None = None,
    ) -> None:
        """Makes the error."""
        super().__init__(reason)
        self.alone = alone
        self.may_be_alone = alone or may_be_alone
        self.status = status


class Transport(Protocol):
    """How a request reaches a model. Used in one event loop; opened when first used."""

    async def send(self, request: Request) -> Sent:
        """Sends a request once.

        Raises:
            Retry: no reply came.
            Refused: none will come.
        """
        ...

    async def close(self) -> None:
        """Lets go of connections."""
        ...


class Answer(NamedTuple):
    """What an HTTP server sent back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def read_answer(answer: Answer, request: Request, key: ApiKey) -> Sent:
    """The reply in an answer.

    Raises:
        Retry: there is none.
        Refused: there will be none.
    """
    if answer.status != HTTPStatus.OK:
        raise_for(answer, request.base_url, key)
    try:
        # Strict, so that a reply that was cut off is not taken for one.
        raw = key.mask(answer.content.decode("utf-8"))
        content = _parsed(raw)
    except ValueError:
        why = "what came back is not JSON, or not whole"
        raise Retry(why, status=answer.status, maybe_paid=True) from None
    if not isinstance(content, dict) or not isinstance(content.get("choices"), list):
        said = words_of(answer.content, key)
        raise Retry(f"what came back is no chat completion: {said}", status=answer.status)
    return Sent(raw, _tokens(content.get("usage"), request, raw))


def _parsed(raw: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which a reply that was cut by its length may hold.
        return json.loads(raw)


def _tokens(usage: object, request: Request, raw: str) -> Tokens:
    if isinstance(usage, dict):
        prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(prompt, int) and isinstance(completion, int):
            return Tokens(max(0, prompt), max(0, completion))
    return Tokens(estimated(request).prompt, len(raw) // 4)


def estimated(request: Request) -> Tokens:
    """About how many tokens a request takes, rather too many than too few."""
    body = request.body
    said = sum(
        len(str(message.get("content", "")).encode("utf-8", "surrogatepass"))
        for message in body.get("messages", ())
    )
    most = body.get("max_completion_tokens") or body.get("max_tokens") or 256
    return Tokens(said // 3, most)


def raise_for(answer: Answer, base_url: str, key: ApiKey) -> NoReturn:
    """What an answer that is no success comes to.

    Raises:
        Retry: asking again may help.
        Refused: it would not.
    """
    status = answer.status
    words = words_of(answer.content, key)
    told = f"{base_url} says {status}: {words}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or (
        status in _PASSES and _NO_MONEY.encode() not in answer.content
    ):
        after = retry_after(answer.headers)
        pushed_back = status in _PUSHES_BACK or (
            status == HTTPStatus.SERVICE_UNAVAILABLE and after is not None
        )
        raise Retry(told, retry_after=after, pushed_back=pushed_back, status=status)
    if status < HTTPStatus.BAD_REQUEST:
        where = _in_a_line(answer.headers.get("location", ""), key)
        told = f"{told} {where}; name that server as the base URL".replace("  ", " ")
        raise Refused(told, status=status)
    if status == HTTPStatus.UNAUTHORIZED and not key:
        told += " (no key was sent: set OPENAI_API_KEY, or DUPLEXDATA_API_KEY_FILE)"
    text = answer.content.decode("utf-8", "replace").lower()
    alone = any(name in text for name in _OF_ONE_REQUEST)
    of_all = any(name in text for name in _OF_ALL_REQUESTS)
    raise Refused(
        told,
        alone=alone,
        may_be_alone=status in _STATUS_OF_ONE and not of_all,
        status=status,
    )


def refuses_schemas(answer: Answer) -> bool:
    """Whether this is how a server says that it knows no `response_format`."""
    if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:  # llama-cpp-python's own
        return b"response_format" in answer.content and b"validation error" in answer.content
    return answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY} and (
        b"response_format" in answer.content or b"json_schema" in answer.content
    )


def words_of(content: bytes, key: ApiKey) -> str:
    """A server's own words on an error, in one line, without the key."""
    text = content.decode("utf-8", "replace")
    try:
        said = json.loads(text)
        said = said.get("error", said) if isinstance(said, dict) else said
        said = said.get("message", said) if isinstance(said, dict) else said
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    except ValueError:
        pass
    return _in_a_line(text, key)


def _in_a_line(text: str, key: ApiKey) -> str:
    """A server's text as it can be shown: without the key, and nothing that moves a cursor."""
    shown = "".join(letter if letter.isprintable() else " " for letter in key.mask(text))
    text = " ".join(shown.split())
    return text if len(text) <= _SPARE_LENGTH else f"{text[:_SPARE_LENGTH]} ..."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server wants to be left alone; it may name a time instead.

    None, if it names no time to come: a clock may be late, and at once again is no pause.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if seconds > 0:
            return seconds
    try:
        seconds = parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time()
    except ValueError:
        return None
    return seconds if seconds > 0 else None
