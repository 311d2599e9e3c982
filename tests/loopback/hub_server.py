"""The loopback Hub: python -m tests.loopback.hub_server FOLDER PORT SETTINGS.

Speaks the part of the Hugging Face Hub's HTTP API that `huggingface_hub` 2 and `datasets` 5
use on repositories: create, info, tree, paths, refs, commits, preupload, LFS in one part or
many, commit, branches, pull requests, and files by revision with redirects to another host.
Prints `PORT n` once it listens.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from aiohttp import web

from .hub_faults import Faults, Handler
from .hub_files import FileRoutes
from .hub_lfs import LfsRoutes
from .hub_repositories import RepositoryRoutes
from .hub_store import Conflict, NotFound, Repository, Store

_BODY = 1 << 30


class Route(NamedTuple):
    """A request that is understood, by method and raw path."""

    method: str
    pattern: re.Pattern[str]
    handler: Any


class Server:
    """The state of a running Hub, and who may do what on it."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.store = Store(folder)
        self.faults = Faults()
        self.settings: dict[str, Any] = {}
        self.configure(settings)
        self.requests: Counter[str] = Counter()
        self.log: list[str] = []
        self.received = 0
        self.endpoint = self.cdn = ""
        self.routes = [
            Route(method, re.compile(pattern + r"/?"), handler)
            for room in (RepositoryRoutes(self), LfsRoutes(self), FileRoutes(self))
            for method, pattern, handler in room.routes()
        ]

    def configure(self, settings: dict[str, Any]) -> None:
        """Takes settings and faults."""
        self.faults.set(settings.pop("faults", []))
        self.settings.update(settings)

    def user(self, request: web.Request) -> str | None:
        """Who asks: None is nobody; a token of nobody is refused."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not token:
            return None
        name: str | None = self.settings["users"].get(token)
        if name is None:
            raise _refusal(401, "Invalid credentials in Authorization header")
        return name

    def readable(self, request: web.Request, kind: str, name: str) -> Repository:
        """A repository that the one who asks may read."""
        user = self.user(request)
        try:
            repository = self.store.repository(kind, name)
        except NotFound:
            # The Hub does not tell nobody what there is.
            if user is None:
                raise _refusal(401, "Invalid username or password.", "RepoNotFound") from None
            raise
        if repository.state["private"] and user != repository.owner:
            if user is None:
                raise _refusal(401, "Invalid username or password.", "RepoNotFound")
            raise NotFound("RepoNotFound")
        return repository

    def writable(self, request: web.Request, kind: str, name: str) -> Repository:
        """A repository that the one who asks may write to."""
        repository = self.readable(request, kind, name)
        if self.user(request) is None:
            raise _refusal(401, "Invalid username or password.")
        self.may_write(request, repository.owner)
        return repository

    def may_write(self, request: web.Request, owner: str) -> str:
        """Refuses who may not write in a namespace; gives who asks."""
        user = self.user(request)
        if user is None:
            raise _refusal(401, "Invalid username or password.")
        if user != owner:
            raise _refusal(403, f"Forbidden: you must be {owner} to write to {owner}'s")
        return user

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Does what a request asks."""
        path = request.rel_url.raw_path
        if path.startswith("/_loopback/"):
            return await self._own(request)
        for route in self.routes:
            found = route.pattern.fullmatch(path)
            if found and route.method == request.method:
                groups = {key: unquote(text or "") for key, text in found.groupdict().items()}
                return await self._done(request, route.handler, groups)
        self._noted(request, "unknown", 404)
        return web.json_response({"error": f"Cannot {request.method} {path}"}, status=404)

    async def _done(
        self, request: web.Request, handler: Any, groups: dict[str, str]
    ) -> web.StreamResponse:
        async def do(request: web.Request) -> web.StreamResponse:
            try:
                response: web.StreamResponse = await handler(request, **groups)
            except NotFound as error:
                message = {"RepoNotFound": "Repository not found"}.get(error.code, "Not found")
                raise _refusal(404, message, error.code) from None
            except Conflict as error:
                raise _refusal(error.status, str(error)) from None
            return response

        name, status = handler.__name__, 499  # the line was cut before it was known
        try:
            response = await self.faults.around(request, _told(do))
            status = response.status
        finally:
            self._noted(request, name, status)
        return response

    def _noted(self, request: web.Request, name: str, status: int) -> None:
        self.requests[name] += 1
        self.log.append(f"{request.method} {request.rel_url.raw_path_qs} {status}")

    async def _own(self, request: web.Request) -> web.StreamResponse:
        """What tests ask of the server itself."""
        if request.path.endswith("/config"):
            self.configure(await request.json())
        elif request.path.endswith("/held"):
            await self.faults.held.wait()
        counted = {"requests": self.requests, "log": self.log, "received": self.received}
        return web.json_response(counted)


def _refusal(status: int, message: str, code: str | None = None) -> web.HTTPException:
    """An answer that says no as the Hub does: in its body and in its headers."""
    kind = {400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 403: web.HTTPForbidden}
    kind |= {404: web.HTTPNotFound, 409: web.HTTPConflict, 412: web.HTTPPreconditionFailed}
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
    return kind[status](
        headers=headers, text=json.dumps({"error": message}), content_type="application/json"
    )


def _told(do: Handler) -> Handler:
    async def run(request: web.Request) -> web.StreamResponse:
        try:
            return await do(request)
        except web.HTTPException as refusal:
            return web.Response(
                status=refusal.status, headers=refusal.headers, text=refusal.text or ""
            )

    return run


async def serve(folder: Path, port: int, settings: dict[str, Any]) -> None:
    """Serves until the process is ended."""
    server = Server(folder, settings)
    application = web.Application(client_max_size=_BODY)
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    number = runner.addresses[0][1]
    server.endpoint, server.cdn = f"http://127.0.0.1:{number}", f"http://localhost:{number}"
    print(f"PORT {number}", flush=True)  # noqa: T201  # how a test learns it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])))
