"""What goes wrong on demand: a fault a rule, found by the request that it meets."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Fault:
    """What happens to requests whose `METHOD /path` a pattern is found in.

    Attributes:
        match: a regular expression.
        status: to answer with, in place of doing what was asked.
        message: what the answer says.
        headers: of the answer, such as Retry-After.
        drop: `request` cuts the line after `at` bytes of the body; `response` does what was
            asked and cuts the line after `at` bytes of the answer.
        hold: reads `at` bytes of the body, and then neither reads nor answers.
        delay: seconds before anything is done.
        at: bytes.
        after: requests that go well before it sets in.
        times: requests that it meets; None is all.
    """

    match: str
    status: int | None = None
    message: str = "a fault on demand"
    headers: dict[str, str] = field(default_factory=dict)
    drop: str | None = None
    hold: bool = False
    delay: float = 0.0
    at: int = 0
    after: int = 0
    times: int | None = None
    seen: int = 0

    def meets(self, request: web.Request) -> bool:
        """Whether it strikes at this request, which it counts."""
        if not re.search(self.match, f"{request.method} {request.rel_url.raw_path}"):
            return False
        self.seen += 1
        struck = self.seen - self.after
        return struck > 0 and (self.times is None or struck <= self.times)


@dataclass(slots=True)
class Faults:
    """The faults of a server, and the requests that they hold."""

    rules: list[Fault] = field(default_factory=list)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, rules: list[dict[str, Any]]) -> None:
        """Takes these rules in place of those before."""
        self.rules = [Fault(**one) for one in rules]
        self.held.clear()

    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Does what is asked, but for what the first fault that meets the request changes."""
        fault = next((one for one in self.rules if one.meets(request)), None)
        if fault is None:
            return await handler(request)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.hold or fault.drop == "request":
            await _read_some(request, fault.at)
        if fault.hold:
            self.held.set()
            await asyncio.Event().wait()  # until the client goes
        if fault.drop == "request":
            return _cut(request)
        if fault.status:
            await request.read()
            return web.json_response(
                {"error": fault.message},
                status=fault.status,
                headers={"X-Error-Message": fault.message, **fault.headers},
            )
        response = await handler(request)
        if fault.drop == "response":
            if isinstance(response, web.FileResponse):
                await _send_some(request, response, fault.at)
            return _cut(request)
        return response


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


async def _read_some(request: web.Request, size: int) -> None:
    read = 0
    while read < size:
        chunk = await request.content.readany()
        if not chunk:
            return
        read += len(chunk)


async def _send_some(request: web.Request, whole: web.FileResponse, size: int) -> None:
    """Sends the head of a file's answer as if all of it came, then some of its bytes."""
    data = whole._path.read_bytes()
    response = web.StreamResponse(headers=whole.headers)
    response.content_length = len(data)
    await response.prepare(request)
    await response.write(data[:size])
