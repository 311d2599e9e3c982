"""Errors as OpenAI's servers word them."""

import time
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

import orjson
from aiohttp import web

MISSING_MODEL = "missing"


def reply(told: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON response."""
    return web.Response(
        body=orjson.dumps(told), status=status, headers=headers, content_type="application/json"
    )


def error(
    status: int,
    message: str,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error response."""
    return reply({"error": told(status, message, code, param)}, status, headers)


def told(
    status: int, message: str, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """The `error` object of a response."""
    kind = {429: "requests", 500: "server_error", 503: "server_error"}.get(
        status, "invalid_request_error"
    )
    return {"message": message, "type": kind, "param": param, "code": code}


def wrong_key(key: str) -> web.Response:
    """Unauthorised; like some servers it repeats the key that it was given."""
    return error(401, f"Incorrect API key provided: {key}.", "invalid_api_key")


def missing_model(model: str) -> web.Response:
    """A model that is not here."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return error(404, message, "model_not_found", "model")


def limited(retry_after: float, as_date: bool = False) -> web.Response:
    """Too many requests; a date has whole seconds, so it is a second later at least."""
    headers = {}
    if as_date:
        headers["Retry-After"] = formatdate(time.time() + max(1.0, retry_after), usegmt=True)
    elif retry_after:
        headers["Retry-After"] = f"{retry_after:g}"
    message = "Rate limit reached for requests. Please try again later."
    return error(429, message, "rate_limit_exceeded", headers=headers)


def failed(status: int) -> web.Response:
    """The server's own fault, or whatever else a status says."""
    return error(status, f"The server answers with status {status}.")
