"""The files of a batch job: its requests, a line each, and what came of them."""

import json
import zlib
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any, NamedTuple

import orjson

from .api_key import ApiKey
from .job_table import Waiting
from .request import canonical_json
from .sending import Answer, words_of

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""OpenAI's bounds of a job."""
LINE_BYTES = 160
"""Of a line beside the body of its request, at most."""

_NOT_DONE = "batch_not_done"


class Line(NamedTuple):
    """What came of a request.

    Attributes:
        key: of the request.
        answer: as a live request would have got it; None where none was made.
        words: why not.
    """

    key: str
    answer: Answer | None
    words: str = ""


def write_requests(requests: Iterable[Waiting], into: IO[bytes], *, schemas: bool) -> None:
    """Writes the input file of a job.

    Args:
        requests: of one model.
        into: the file.
        schemas: whether the server knows `response_format`; else it is left out.
    """
    for one in requests:
        body = zlib.decompress(one.packed)
        if not schemas:
            values = json.loads(body)
            values.pop("response_format", None)
            body = canonical_json(values)
        into.write(
            b'{"custom_id":"%s","method":"POST","url":"/v1/chat/completions","body":%s}\n'
            % (one.key.encode(), body)
        )


def read_lines(file: IO[bytes], key: ApiKey) -> Iterator[Line]:
    """Reads an output or error file; what is no line of one is passed over."""
    for text in file:
        try:
            told = json.loads(text)
            custom_id, response = bytes.fromhex(told["custom_id"]).hex(), told.get("response")
            if response:
                content = _dumped(response["body"])
                yield Line(custom_id, Answer(int(response["status_code"]), {}, content))
            else:
                error = json.dumps({"error": told.get("error") or _NOT_DONE}).encode()
                yield Line(custom_id, None, words_of(error, key))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def is_of_one(status: int | None) -> bool:
    """Whether a refusal with this status lies in the request, if others of its job have replies."""
    return status in {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }


def _dumped(body: Any) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body).encode()  # a lone surrogate stays an escape
