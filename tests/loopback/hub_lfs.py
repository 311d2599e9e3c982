"""The Hub's large files: which are wanted, in how many parts, and that they came whole."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from .hub_server import Server


class LfsRoutes:
    """Answers to the LFS batch API, and takes objects where the batch says."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def routes(self) -> Iterator[tuple[str, str, Any]]:
        """What is answered: method, path, handler."""
        name = r"/(?:(?P<kind>datasets|spaces)/)?(?P<name>[^/]+/[^/]+)"
        yield "POST", rf"{name}\.git/info/lfs/objects/batch", self.lfs_batch
        yield "PUT", "/_lfs/(?P<oid>[0-9a-f]{64})/(?P<part>[0-9]+)", self.lfs_part
        yield "POST", "/_lfs/(?P<oid>[0-9a-f]{64})/complete", self.lfs_complete
        yield "POST", "/_lfs/(?P<oid>[0-9a-f]{64})/verify", self.lfs_verify

    async def lfs_batch(self, request: web.Request, kind: str, name: str) -> web.Response:
        """For each object how it is to be uploaded; nothing for one that is there."""
        self.server.writable(request, kind or "models", name)
        wanted = await request.json()
        size = self.server.settings["part_size"]
        objects = []
        for one in wanted["objects"]:
            answer: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if not self.server.store.blob(one["oid"]).is_file():
                url = f"{self.server.cdn}/_lfs/{one['oid']}"
                upload: dict[str, Any] = {"href": f"{url}/0"}
                if one["size"] > size:
                    count = -(-one["size"] // size)
                    parts = {str(number): f"{url}/{number}" for number in range(1, count + 1)}
                    upload = {
                        "href": f"{self.server.endpoint}/_lfs/{one['oid']}/complete",
                        "header": {"chunk_size": str(size), **parts},
                    }
                verify = {"href": f"{self.server.endpoint}/_lfs/{one['oid']}/verify"}
                answer["actions"] = {"upload": upload, "verify": verify}
            objects.append(answer)
        return web.json_response({"transfer": "multipart", "objects": objects})

    async def lfs_part(self, request: web.Request, oid: str, part: str) -> web.Response:
        """A part of an object; part 0 is all of it."""
        data = await request.read()
        self.server.received += len(data)
        file = self._part(oid, int(part))
        file.write_bytes(data)
        if part == "0":
            self.server.store.take_lfs(file, oid, len(data))
        return web.Response(headers={"ETag": f'"{oid[:8]}-{part}"'})

    async def lfs_complete(self, request: web.Request, oid: str) -> web.Response:
        """Puts the parts of an object together."""
        parts = (await request.json())["parts"]
        whole = self._part(oid, 0)
        with whole.open("wb") as stream:
            for number, part in enumerate(parts, start=1):
                if part["etag"].strip('"') != f"{oid[:8]}-{number}":
                    return web.json_response({"error": f"part {number}: wrong etag"}, status=400)
                stream.write(self._part(oid, number).read_bytes())
        self.server.store.take_lfs(whole, oid, whole.stat().st_size)
        for number in range(1, len(parts) + 1):
            self._part(oid, number).unlink()
        return web.json_response({"success": True})

    async def lfs_verify(self, request: web.Request, oid: str) -> web.Response:
        """Whether an object is there, in its size."""
        blob, wanted = self.server.store.blob(oid), await request.json()
        there = blob.is_file() and blob.stat().st_size == wanted["size"]
        return web.json_response({}, status=200 if there else 404)

    def _part(self, oid: str, number: int) -> Any:
        folder = self.server.store.folder / "uploads"
        folder.mkdir(exist_ok=True)
        return folder / f"{oid}.{number}"
