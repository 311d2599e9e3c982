"""The transports: OpenAI's client, bare aiohttp, and the fake engine without a network.

The libraries are imported, and the key is read, when the first request is sent: a run that
finds all replies in the store needs neither. `import_beforehand` takes the time for the import
while worker processes start.
"""

import asyncio
import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import uuid4

from .api_key import ApiKey, load_api_key
from .request import Request, Tokens, canonical_json
from .sending import Answer, Retry, Sent, Transport, read_answer, refuses_schemas

if TYPE_CHECKING:
    import aiohttp
    import httpx2
    import openai

_CONNECT_SECONDS = 20.0


class _Posting(Protocol):
    """An open HTTP client."""

    async def post(self, url: str, payload: bytes) -> Answer: ...

    async def close(self) -> None: ...


class _HttpTransport(ABC):
    """What both HTTP transports share: key, time limit, and what an answer means.

    Args:
        key_file: that holds the key; by default as `load_api_key` says.
        timeout: seconds that a reply may take.

    Attributes:
        library: that has the client.
    """

    library: str

    def __init__(self, key_file: Path | None = None, timeout: float = 300.0) -> None:
        self._key_file = key_file
        self._timeout = timeout
        self._key = ApiKey()
        self._posting: _Posting | None = None
        self._knows_no_schemas: set[tuple[str, str]] = set()

    @abstractmethod
    def _open(self, key: ApiKey) -> _Posting:
        """A client that is connected when it is first used."""

    async def send(self, request: Request) -> Sent:
        """See `Transport`. A server that knows no `response_format` is asked without."""
        if self._posting is None:
            self._key = load_api_key(self._key_file)
            self._posting = self._open(self._key)
        server = (request.base_url, request.model)
        if server not in self._knows_no_schemas:
            answer = await self._post(request, request.payload)
            if "response_format" not in request.body or not refuses_schemas(answer):
                return read_answer(answer, request, self._key)
            self._knows_no_schemas.add(server)
        body = {name: value for name, value in request.body.items() if name != "response_format"}
        return read_answer(await self._post(request, canonical_json(body)), request, self._key)

    async def _post(self, request: Request, payload: bytes) -> Answer:
        assert self._posting is not None  # noqa: S101  # opened above
        try:
            async with asyncio.timeout(self._timeout):
                return await self._posting.post(f"{request.base_url}/chat/completions", payload)
        except TimeoutError:
            why = f"{request.base_url}: no reply in {self._timeout:g} seconds"
            raise Retry(why, maybe_paid=True) from None

    async def close(self) -> None:
        """See `Transport`."""
        if self._posting is not None:
            posting, self._posting = self._posting, None
            await posting.close()


class OpenAITransport(_HttpTransport):
    """OpenAI's client over aiohttp: the default."""

    library = "openai"

    def _open(self, key: ApiKey) -> _Posting:
        from openai import AsyncOpenAI, DefaultAioHttpClient, Timeout

        return _OpenAIPosting(
            AsyncOpenAI(
                api_key=key.reveal() or "none",  # local servers want none, the client does
                max_retries=0,  # the pace must see every refusal
                timeout=Timeout(None, connect=_CONNECT_SECONDS),  # the whole is limited above
                http_client=DefaultAioHttpClient(),
            )
        )


class _OpenAIPosting:
    def __init__(self, client: "openai.AsyncOpenAI") -> None:
        import aiohttp
        from httpx2 import HTTPError, Response
        from openai import APIConnectionError, APIStatusError

        self._client = client
        self._session = uuid4().hex
        self._count = itertools.count()
        self._response = Response
        self._status_error = APIStatusError
        self._failures = (APIConnectionError, HTTPError, aiohttp.ClientError, OSError)

    async def post(self, url: str, payload: bytes) -> Answer:
        try:
            response = await self._client.post(
                url,
                content=payload,
                cast_to=self._response,
                options={
                    "follow_redirects": False,
                    # Else the client draws one from the system for every request, which takes time.
                    "idempotency_key": f"{self._session}-{next(self._count)}",
                },
            )
            return _answer(response)
        except self._status_error as error:
            return _answer(error.response)
        except self._failures as error:
            retry = _retry(url, error)
        # Not in the handler: what an error remembers of the request holds the key.
        raise retry

    async def close(self) -> None:
        await self._client.close()


class AioHttpTransport(_HttpTransport):
    """Bare aiohttp: the same, with less between us and the socket."""

    library = "aiohttp"

    def _open(self, key: ApiKey) -> _Posting:
        import aiohttp

        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key.reveal()}"
        return _AioHttpPosting(
            aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),  # the pace limits
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            )
        )


class _AioHttpPosting:
    def __init__(self, session: "aiohttp.ClientSession") -> None:
        import aiohttp

        self._session = session
        self._failures = (aiohttp.ClientError, OSError)

    async def post(self, url: str, payload: bytes) -> Answer:
        try:
            async with self._session.post(
                url, data=payload, allow_redirects=False, proxy=_proxy_of(url)
            ) as response:
                return Answer(response.status, _lower(response.headers), await response.read())
        except self._failures as error:
            retry = _retry(url, error)
        raise retry

    async def close(self) -> None:
        await self._session.close()


@lru_cache(maxsize=8)
def _proxy_of(url: str) -> str | None:
    """The proxy that the environment names for an address.

    The session could look by itself, but then wants a .netrc's password beside our key.
    """
    parts = urlsplit(url)
    return None if proxy_bypass(parts.netloc) else getproxies().get(parts.scheme)


class FakeTransport:
    """The fake engine, in this process.

    Args:
        seed: of its words and faults.
        faults: the share of replies with a fault of content.
        latency: seconds before each reply.
    """

    def __init__(self, seed: int = 0, faults: float = 0.0, latency: float = 0.0) -> None:
        """Opens nothing."""
        self._seed = seed
        self._faults = faults
        self._latency = latency

    async def send(self, request: Request) -> Sent:
        """See `Transport`."""
        from .fake import answer

        if self._latency:
            await asyncio.sleep(self._latency)
        fake = answer(request.body, self._seed, self._faults)
        return Sent(fake.raw, Tokens(fake.prompt_tokens, fake.completion_tokens))

    async def close(self) -> None:
        """See `Transport`."""


def import_beforehand(transport: Transport) -> None:
    """Imports a transport's library on a thread; where it is missing, the first request says so."""
    if not isinstance(transport, _HttpTransport):
        return

    def load(library: str) -> None:
        with suppress(ImportError):
            # The client's names are imported as they are first looked at.
            getattr(import_module(library), "DefaultAioHttpClient", None)

    # No daemon: an interpreter that ends in the middle of an import may crash.
    threading.Thread(target=load, args=(transport.library,)).start()


def _answer(response: "httpx2.Response") -> Answer:
    return Answer(response.status_code, _lower(response.headers), response.content)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _retry(url: str, error: BaseException) -> Retry:
    """What a client's error comes to; it, or the one that it comes from, says why."""
    import aiohttp

    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    why = next((str(one) for one in reversed(causes) if str(one)), type(error).__name__)
    connected = not any(isinstance(one, aiohttp.ClientConnectorError) for one in causes)
    return Retry(f"{url}: {why}", maybe_paid=connected)
