"""A request to a model's server, and the key under which its reply is kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import RecipeError

KEY_VERSION = 1
"""Goes up when what the key is made of changes; old replies are then not found."""


class Tokens(NamedTuple):
    """What a request costs, as the server counts."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Request:
    """One call to be made. Two with the same key are the same request.

    Attributes:
        kind: what is wanted: fuse, answer, aside, statement or critique.
        base_url: of the server, as `normalised_url` gives it.
        body: of Chat Completions: model, messages, response_format, temperature, ...
        attempt: how often this was asked before; part of the key, so that the same words
            can be asked again and another reply be kept.
        key: SHA-256, in hex, of all that determines the reply. Never an API key.
        payload: the body as it is sent and stored.
    """

    kind: str = field(compare=False)
    base_url: str = field(compare=False)
    body: Mapping[str, Any] = field(compare=False, repr=False)
    attempt: int = field(default=0, compare=False)
    key: str = field(init=False)
    payload: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        payload = canonical_json(self.body)
        object.__setattr__(self, "payload", payload)
        object.__setattr__(self, "key", _key_of(self.base_url, payload, self.attempt))

    @property
    def model(self) -> str:
        """The name of the model that is asked."""
        return str(self.body.get("model", ""))


def canonical_json(value: object) -> bytes:
    """The one spelling of a JSON value: ASCII, keys sorted, no white space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _key_of(base_url: str, payload: bytes, attempt: int) -> str:
    """The hash of the canonical JSON of version, URL, body and number of the try."""
    url = canonical_json(base_url)
    return hashlib.sha256(b"[%d,%b,%b,%d]" % (KEY_VERSION, url, payload, attempt)).hexdigest()


def normalised_url(url: str) -> str:
    """A base URL in the one spelling that goes into keys: no trailing slash, host in lower case.

    Raises:
        RecipeError: it is no URL of a server, or holds a secret that would reach the store.
    """
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018  # raises where it is no number
    except ValueError as error:
        raise RecipeError(f"base URL: {error}; as in http://localhost:8000/v1") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RecipeError(
            f"base URL {url!r} is not http(s)://host...; as in http://localhost:8000/v1"
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise RecipeError(
            "base URL: no user, password, query or fragment can be in it, since it is stored "
            "with the replies; the key belongs into OPENAI_API_KEY"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
