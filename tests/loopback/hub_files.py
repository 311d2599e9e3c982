"""The Hub's files: by repository, revision and path; large ones on another host."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .hub_store import NotFound

if TYPE_CHECKING:
    from .hub_server import Server


class FileRoutes:
    """Answers to HEAD and GET of files; aiohttp sends them, ranges too."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def routes(self) -> Iterator[tuple[str, str, Any]]:
        """What is answered: method, path, handler."""
        name = r"/(?:(?P<kind>datasets|spaces)/)?(?P<name>[^/]+/[^/]+)"
        for method in ("HEAD", "GET"):
            yield method, rf"{name}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", self.resolve
            yield method, "/_cdn/(?P<oid>[0-9a-f]{64})", self.large_file

    async def resolve(
        self, request: web.Request, kind: str, name: str, revision: str, path: str
    ) -> web.StreamResponse:
        """A file at a revision, or where it is if it is a large one."""
        repository = self.server.readable(request, kind or "models", name)
        sha = repository.resolve(revision)
        file = repository.tree(sha).get(path)
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if file is None:
            error = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
            return web.Response(status=404, headers={**headers, **error})
        if file.sha256:
            headers |= {
                "X-Linked-Size": str(file.size),
                "X-Linked-Etag": f'"{file.sha256}"',
                "Location": f"{self.server.cdn}/_cdn/{file.sha256}",
            }
            return web.Response(status=302, headers=headers)
        headers["ETag"] = f'"{file.oid}"'
        return web.FileResponse(self.server.store.blob(file.oid), headers=headers)

    async def large_file(self, _: web.Request, oid: str) -> web.StreamResponse:
        """A large file, of which the address alone is the permit."""
        blob = self.server.store.blob(oid)
        if not blob.is_file():
            raise NotFound("EntryNotFound")
        return web.FileResponse(blob, headers={"ETag": f'"{oid}"'})
