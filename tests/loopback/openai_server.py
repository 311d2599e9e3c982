"""The loopback server: Chat Completions, Models, Files and Batches under /v1.

    python -m duplexdata.tests.loopback.openai_server --port 0 --latency 0.2 --faults 0.3

prints `PORT n` when it listens. `GET /_stats` tells what it counted, `POST /_reset`
forgets it, `POST /_config` changes knobs. Its words, and what is wrong with them, are
the fake engine's.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import orjson
from aiohttp import web

from duplexdata.tests.loopback import batches, completions, errors
from duplexdata.tests.loopback.knobs import changed, from_flags
from duplexdata.tests.loopback.state import State, Watch

_HOST = "127.0.0.1"
_MODELS = ("fake-large", "fake-small")
_MOST_BYTES = 1 << 30

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackServer:
    """The server: its handlers, and its socket that opens, dies and opens again."""

    def __init__(self, state: State) -> None:
        """Makes a server that does not listen yet."""
        self.state = state
        self.port = state.knobs.port
        app = web.Application(client_max_size=_MOST_BYTES)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._guarded(self._complete)),
                web.get("/v1/models", self._guarded(_models)),
                web.get("/v1/models/{model}", self._guarded(_model)),
                *(
                    web.route(method, path, self._guarded(batches.bound(handler, state)))
                    for method, path, handler in batches.ROUTES
                ),
                web.get("/_stats", self._stats),
                web.get("/_wait", self._wait),
                web.post("/_let_go", self._let_go),
                web.post("/_reset", self._reset),
                web.post("/_config", self._config),
            ]
        )
        # A client that goes away takes its request along: nobody reads the reply.
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, handler_cancellation=True
        )
        self._site: web.TCPSite | None = None
        self._rise: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listens; a port of 0 becomes the one that was free."""
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, _HOST, self.port, backlog=1024, reuse_address=True)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def _die(self) -> None:
        """Closes the socket and breaks every connection, for a while."""
        self.state.deaths += 1
        if self._site is not None:
            await self._site.stop()
        server = self._runner.server
        for connection in server.connections if server else ():
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(self.state.knobs.die_for)
        await self._listen()

    def _guarded(self, handler: Handler) -> Handler:
        """A handler that wants the key, and whose answers are counted."""

        async def handle(request: web.Request) -> web.StreamResponse:
            key = self.state.knobs.api_key
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if key and given != key:
                response: web.StreamResponse = errors.wrong_key(given)
            else:
                try:
                    response = await handler(request)
                finally:
                    self.state.look()
            if request.path == "/v1/chat/completions":
                self.state.counts.statuses[str(response.status)] += 1
            return response

        return handle

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        state = self.state
        if state.knobs.die_after and state.counts.requests + 1 >= state.knobs.die_after:
            state.knobs = changed(state.knobs, {"die_after": 0})
            # Its own connection breaks, which cancels this handler but not the death.
            self._rise = asyncio.create_task(self._die())
            await asyncio.shield(self._rise)
        state.in_flight += 1
        state.counts.max_in_flight = max(state.counts.max_in_flight, state.in_flight)
        state.look()
        try:
            return await completions.complete(request, state)
        finally:
            state.in_flight -= 1

    async def _stats(self, _request: web.Request) -> web.Response:
        return errors.reply(self.state.told())

    async def _wait(self, request: web.Request) -> web.Response:
        """Answers once a count is as high, and then so many seconds later; or when let go."""
        asked = request.query
        watch = Watch(asked["whose"], asked["name"], int(asked["least"]))
        self.state.watches.append(watch)
        try:
            self.state.look()
            await watch.done.wait()
        finally:
            self.state.watches.remove(watch)
        await asyncio.sleep(float(asked["later"]))
        return errors.reply({})

    async def _let_go(self, request: web.Request) -> web.Response:
        self.state.let_go(request.query["whose"])
        return errors.reply({})

    async def _reset(self, _request: web.Request) -> web.Response:
        self.state.reset()
        return errors.reply({})

    async def _config(self, request: web.Request) -> web.Response:
        try:
            self.state.knobs = changed(self.state.knobs, orjson.loads(await request.read()))
        except ValueError as wrong:
            return errors.error(400, str(wrong))
        return errors.reply(asdict(self.state.knobs))


async def _models(_request: web.Request) -> web.Response:
    return errors.reply({"object": "list", "data": [_told(model) for model in _MODELS]})


async def _model(request: web.Request) -> web.Response:
    model = request.match_info["model"]
    if model == errors.MISSING_MODEL:
        return errors.missing_model(model)
    return errors.reply(_told(model))


def _told(model: str) -> dict[str, object]:
    return {"id": model, "object": "model", "created": 1767225600, "owned_by": "loopback"}


async def run(state: State) -> None:
    """Serves until standard input closes, if it was told to watch it, else for ever."""
    server = LoopbackServer(state)
    await server.start()
    print(f"PORT {server.port}", flush=True)  # noqa: T201 - this is how it is waited for
    ended = asyncio.Event()
    if state.knobs.until_stdin_closes:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(run(State(from_flags())))
