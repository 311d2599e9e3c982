"""The part of the Hub's API that is about repositories: who, what, which revision, commits."""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from .hub_store import KINDS, Conflict, NotFound, Repository, Tree, git_oid, lfs_file, now

if TYPE_CHECKING:
    from .hub_server import Server

REPOSITORY = r"/api/(?P<kind>models|datasets|spaces)/(?P<name>[^/]+/[^/]+)"
REVISION = r"/(?P<revision>[^/]+)"


class RepositoryRoutes:
    """Answers under /api."""

    def __init__(self, server: "Server") -> None:
        self.server = server

    def routes(self) -> Iterator[tuple[str, str, Any]]:
        """What is answered: method, path, handler."""
        yield "GET", "/api/whoami-v2", self.whoami
        yield "POST", "/api/repos/create", self.create
        yield "POST", "/api/validate-yaml", self.validate_yaml
        yield "GET", REPOSITORY, self.info
        yield "GET", f"{REPOSITORY}/revision{REVISION}", self.info
        yield "GET", f"{REPOSITORY}/tree{REVISION}(?:/(?P<path>.+))?", self.tree
        yield "POST", f"{REPOSITORY}/paths-info{REVISION}", self.paths_info
        yield "GET", f"{REPOSITORY}/refs", self.refs
        yield "GET", f"{REPOSITORY}/commits{REVISION}", self.commits
        yield "POST", f"{REPOSITORY}/preupload{REVISION}", self.preupload
        yield "POST", f"{REPOSITORY}/commit{REVISION}", self.commit
        yield "POST", f"{REPOSITORY}/branch{REVISION}", self.branch
        yield "POST", f"{REPOSITORY}/discussions", self.open_discussion
        yield "GET", f"{REPOSITORY}/discussions/(?P<number>[0-9]+)", self.discussion

    async def whoami(self, request: web.Request) -> web.Response:
        """Who a token is of."""
        user = self.server.user(request)
        if user is None:
            return web.json_response({"error": "Unauthorized"}, status=401)
        access = {"accessToken": {"displayName": "loopback", "role": "write"}}
        return web.json_response({"type": "user", "name": user, "orgs": [], "auth": access})

    async def create(self, request: web.Request) -> web.Response:
        """A new repository."""
        wanted = await request.json()
        owner = str(wanted.get("organization") or self.server.user(request))
        user = self.server.may_write(request, owner)
        kind, name = f"{wanted.get('type') or 'model'}s", f"{owner}/{wanted['name']}"
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.server.store.create(kind, name, private=private, author=user)
        url = f"{self.server.endpoint}/{KINDS[kind]}{name}"
        return web.json_response({"url": url, "name": name, "id": name})

    async def validate_yaml(self, request: web.Request) -> web.Response:
        """Whether the head of a card can be read, and its licence is a word."""
        content = (await request.json())["content"]
        errors = []
        head = content.split("\n---", 1)[0].removeprefix("---") if content[:3] == "---" else ""
        try:
            data = yaml.safe_load(head) or {}
            licence = data.get("license", "mit")
            if not isinstance(licence, str):
                errors.append({"message": '"license" must be a string'})
        except (yaml.YAMLError, AttributeError) as error:
            errors.append({"message": str(error)})
        return web.json_response({"errors": errors, "warnings": []}, status=400 if errors else 200)

    async def info(
        self, request: web.Request, kind: str, name: str, revision: str = "main"
    ) -> web.Response:
        """A repository at a revision, with the names of its files."""
        repository = self.server.readable(request, kind, name)
        sha = repository.resolve(revision)
        commit = repository.read(sha)
        facts = {
            "id": name,
            "author": repository.owner,
            "sha": sha,
            "private": repository.state["private"],
            "gated": False,
            "disabled": False,
            "lastModified": commit["date"],
            "createdAt": commit["date"],
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "siblings": [{"rfilename": path} for path in repository.tree(sha)],
        }
        return web.json_response(facts, headers={"X-Repo-Commit": sha})

    async def tree(
        self, request: web.Request, kind: str, name: str, revision: str, path: str
    ) -> web.Response:
        """The entries of a folder, a page at a time."""
        repository = self.server.readable(request, kind, name)
        sha = repository.resolve(revision)
        recursive = request.query.get("recursive", "false").lower() == "true"
        entries = _entries(repository.tree(sha), path.strip("/"), recursive)
        if path and not entries:
            raise NotFound("EntryNotFound")
        begin = int(request.query.get("cursor", 0))
        size = self.server.settings["page_size"]
        headers = {"X-Repo-Commit": sha}
        if begin + size < len(entries):
            query = {**request.query, "cursor": str(begin + size)}
            link = f"{self.server.endpoint}{request.rel_url.update_query(query)}"
            headers["Link"] = f'<{link}>; rel="next"'
        page = entries[begin : begin + size]
        if request.query.get("expand", "false").lower() == "true":
            page = [{**one, "lastCommit": _last_commit(repository, sha)} for one in page]
        return web.json_response(page, headers=headers)

    async def paths_info(
        self, request: web.Request, kind: str, name: str, revision: str
    ) -> web.Response:
        """The entries of paths; a path that is not there is left out."""
        repository = self.server.readable(request, kind, name)
        sha = repository.resolve(revision)
        tree = repository.tree(sha)
        if request.content_type == "application/json":
            wanted = (await request.json())["paths"]
        else:
            wanted = [str(one) for one in (await request.post()).getall("paths", [])]
        found = []
        for path in (one.strip("/") for one in wanted):
            if path in tree:
                found.append(tree[path].info(path))
            elif any(one.startswith(f"{path}/") for one in tree):
                found.append(_folder(path))
        return web.json_response(found, headers={"X-Repo-Commit": sha})

    async def refs(self, request: web.Request, kind: str, name: str) -> web.Response:
        """The branches and pull requests of a repository."""
        refs = self.server.readable(request, kind, name).state["refs"]
        listed: dict[str, list[dict[str, str]]] = {"branches": [], "pullRequests": []}
        for ref, sha in refs.items():
            pull = ref.startswith("refs/pr/")
            where = {"name": ref, "ref": ref if pull else f"refs/heads/{ref}", "targetCommit": sha}
            listed["pullRequests" if pull else "branches"].append(where)
        return web.json_response({**listed, "converts": [], "tags": []})

    async def commits(
        self, request: web.Request, kind: str, name: str, revision: str
    ) -> web.Response:
        """The history of a revision, the last commit first."""
        repository = self.server.readable(request, kind, name)
        listed = [
            {
                "id": sha,
                "title": one["title"],
                "message": one["description"],
                "date": one["date"],
                "authors": [{"user": one["author"]}],
            }
            for sha, one in repository.history(repository.resolve(revision))
        ]
        return web.json_response(listed)

    async def preupload(
        self, request: web.Request, kind: str, name: str, revision: str
    ) -> web.Response:
        """How each file is to be uploaded, and what stands at its path."""
        repository = self.server.writable(request, kind, name)
        tree = repository.tree(repository.resolve(revision))
        answers = []
        for one in (await request.json())["files"]:
            there = tree.get(one["path"])
            lfs = one["path"].endswith(".parquet") or one["size"] > 10_000_000
            mode = "lfs" if lfs else "regular"
            answer = {"path": one["path"], "uploadMode": mode, "shouldIgnore": False}
            answers.append({**answer, "oid": there.content_oid if there else None})
        return web.json_response({"files": answers, "commitOid": repository.resolve(revision)})

    async def commit(
        self, request: web.Request, kind: str, name: str, revision: str
    ) -> web.Response:
        """A commit, at the head of a branch or of a new pull request."""
        repository = self.server.writable(request, kind, name)
        user = self.server.may_write(request, repository.owner)
        lines = [json.loads(line) for line in (await request.read()).splitlines() if line]
        head = lines[0]["value"]
        start = repository.resolve(revision)
        parent = head.get("parentCommit")
        if parent and not start.startswith(parent):
            raise Conflict(412, "A commit has happened since. Please refresh and try again.")
        tree = self._changed(repository.tree(start), lines[1:])
        answer = {"success": True, "hookOutput": ""}
        if request.query.get("create_pr"):
            number = repository.open_pull(head["summary"], user, start)
            revision = f"refs/pr/{number}"
            answer["pullRequestUrl"] = _pull_url(self.server, repository, number)
        elif revision not in repository.state["refs"]:
            raise NotFound("RevisionNotFound")  # a commit has no head to put one on
        sha = repository.commit(
            revision,
            tree,
            title=head["summary"],
            author=user,
            description=head.get("description", ""),
        )
        url = f"{self.server.endpoint}/{KINDS[kind]}{name}/commit/{sha}"
        return web.json_response({**answer, "commitOid": sha, "commitUrl": url})

    def _changed(self, tree: Tree, operations: list[dict[str, Any]]) -> Tree:
        """A tree after the operations of a commit."""
        for one in operations:
            value = one["value"]
            path = value["path"]
            if one["key"] == "file":
                tree[path] = self.server.store.put(base64.b64decode(value["content"]))
            elif one["key"] == "lfsFile":
                blob = self.server.store.blob(value["oid"])
                if not blob.is_file():
                    raise Conflict(400, f"LFS object {value['oid']} of {path} is not there")
                tree[path] = lfs_file(value["oid"], blob.stat().st_size)
            elif one["key"] == "deletedFile" and path in tree:
                del tree[path]
            elif one["key"] == "deletedFolder":
                tree = {at: one for at, one in tree.items() if not at.startswith(path)}
            else:
                raise NotFound("EntryNotFound")
        return tree

    async def branch(
        self, request: web.Request, kind: str, name: str, revision: str
    ) -> web.Response:
        """A new branch."""
        repository = self.server.writable(request, kind, name)
        start = (await request.json()).get("startingPoint", "main")
        if revision in repository.state["refs"]:
            raise Conflict(409, f"Reference already exists: {revision}")
        repository.state["refs"][revision] = repository.resolve(start)
        repository.save()
        return web.json_response({})

    async def open_discussion(self, request: web.Request, kind: str, name: str) -> web.Response:
        """A new pull request, without a commit yet."""
        repository = self.server.readable(request, kind, name)
        user = self.server.user(request) or ""
        wanted = await request.json()
        number = repository.open_pull(wanted["title"], user, repository.resolve("main"))
        url = _pull_url(self.server, repository, number)
        return web.json_response({"num": number, "pullRequest": True, "url": url})

    async def discussion(
        self, request: web.Request, kind: str, name: str, number: str
    ) -> web.Response:
        """A pull request."""
        repository = self.server.readable(request, kind, name)
        pull = repository.state["pulls"][int(number) - 1]
        return web.json_response(
            {
                "title": pull["title"],
                "num": int(number),
                "author": {"name": pull["author"]},
                "createdAt": pull["date"],
                "status": "draft",
                "repo": {"name": name, "type": kind.removesuffix("s")},
                "isPullRequest": True,
                "events": [],
                "filesWithConflicts": [],
                "changes": {"base": "refs/heads/main"},
                "diff": "",
            }
        )


def _pull_url(server: "Server", repository: Repository, number: int) -> str:
    name = f"{KINDS[repository.kind]}{repository.name}"
    return f"{server.endpoint}/{name}/discussions/{number}"


def _entries(tree: Tree, path: str, recursive: bool) -> list[dict[str, Any]]:
    """Files and folders under a path, in order."""
    prefix = f"{path}/" if path else ""
    entries: dict[str, dict[str, Any]] = {}
    for at, file in tree.items():
        if not at.startswith(prefix):
            continue
        parts = at.removeprefix(prefix).split("/")
        for depth in range(1, len(parts)):
            folder = prefix + "/".join(parts[:depth])
            if recursive or depth == 1:
                entries.setdefault(folder, _folder(folder))
        if recursive or len(parts) == 1:
            entries[at] = file.info(at)
    return [entries[at] for at in sorted(entries)]


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "oid": git_oid(path.encode()), "size": 0, "path": path}


def _last_commit(repository: Repository, sha: str) -> dict[str, str]:
    commit = repository.read(sha)
    return {"id": sha, "title": commit["title"], "date": commit.get("date", now())}
