"""Repositories on disk as the loopback Hub keeps them: blobs, commits, branches, pull requests.

    FOLDER/objects/<oid>                       a blob: by git sha1, or by sha256 where it is LFS
    FOLDER/<kind>/<owner>/<name>/repo.json     its visibility, refs and pull requests
    FOLDER/<kind>/<owner>/<name>/commits/<sha> a commit: its parent, and every file of its tree

What is on disk is all there is: a server killed and started again on the folder goes on.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

KINDS = {"models": "", "datasets": "datasets/", "spaces": "spaces/"}
"""Kinds of repositories, and what stands before their ids in an address."""

GITATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"


class NotFound(Exception):  # noqa: N818  # it is what the Hub calls it
    """There is no such repository, revision or entry; the code is the Hub's own."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Conflict(Exception):  # noqa: N818
    """The state of the repository forbids it; `status` is what the Hub answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class File:
    """A file of a tree: its git blob id, size, and sha256 where it is LFS."""

    oid: str
    size: int
    sha256: str | None = None

    @property
    def content_oid(self) -> str:
        """What the blob of its content is kept by."""
        return self.sha256 or self.oid

    def info(self, path: str) -> dict[str, Any]:
        """The entry of a tree, as the Hub's API gives it."""
        entry: dict[str, Any] = {"type": "file", "oid": self.oid, "size": self.size, "path": path}
        if self.sha256:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": _POINTER}
        return entry


_POINTER = 134
Tree = dict[str, File]


def git_oid(data: bytes) -> str:
    """The git id of a blob."""
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324  # git's own


def lfs_file(oid: str, size: int) -> File:
    """An LFS file: in git stands a pointer to its content."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
    return File(git_oid(pointer.encode()), size, oid)


class Store:
    """All blobs and repositories of a loopback Hub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "objects").mkdir(parents=True, exist_ok=True)

    def blob(self, oid: str) -> Path:
        """Where a blob is kept."""
        return self.folder / "objects" / oid

    def put(self, data: bytes) -> File:
        """Keeps a blob of git's own."""
        oid = git_oid(data)
        _write(self.blob(oid), data)
        return File(oid, len(data))

    def take_lfs(self, unfinished: Path, oid: str, size: int) -> None:
        """Keeps an uploaded LFS object, if it is what it was said to be."""
        with unfinished.open("rb") as stream:
            digest = sha256()
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        if digest.hexdigest() != oid or unfinished.stat().st_size != size:
            raise Conflict(400, f"the object uploaded is not {oid}")
        unfinished.replace(self.blob(oid))

    def repository(self, kind: str, name: str) -> "Repository":
        """A repository that is there."""
        path = self.folder / kind / name
        if not (path / "repo.json").is_file():
            raise NotFound("RepoNotFound")
        return Repository(self, path, kind, name, json.loads((path / "repo.json").read_bytes()))

    def create(self, kind: str, name: str, *, private: bool, author: str) -> "Repository":
        """A new repository, with the one file that the Hub puts into each."""
        path = self.folder / kind / name
        if (path / "repo.json").is_file():
            raise Conflict(409, f"You already created this {kind.rstrip('s')} repo: {name}")
        (path / "commits").mkdir(parents=True)
        made = Repository(self, path, kind, name, {"private": private, "refs": {}, "pulls": []})
        tree = {".gitattributes": self.put(GITATTRIBUTES)}
        made.commit("main", tree, title="initial commit", author=author)
        return made


@dataclass(slots=True)
class Repository:
    """A repository: its history, and the names of its revisions."""

    store: Store
    path: Path
    kind: str
    name: str
    state: dict[str, Any]

    @property
    def owner(self) -> str:
        """The namespace that it stands in."""
        return self.name.split("/")[0]

    def save(self) -> None:
        """Makes a change of its state durable."""
        _write(self.path / "repo.json", json.dumps(self.state).encode())

    def resolve(self, revision: str) -> str:
        """The commit that a branch, a ref or (the begin of) a sha names."""
        refs: Mapping[str, str] = self.state["refs"]
        named = refs.get(revision.removeprefix("refs/heads/"))
        if named:
            return named
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            for commit in (self.path / "commits").iterdir():
                if commit.name.startswith(revision):
                    return commit.name
        raise NotFound("RevisionNotFound")

    def read(self, sha: str) -> dict[str, Any]:
        """A commit as it is kept."""
        commit: dict[str, Any] = json.loads((self.path / "commits" / sha).read_bytes())
        return commit

    def tree(self, sha: str) -> Tree:
        """Every file at a commit, by path."""
        return {path: File(**file) for path, file in sorted(self.read(sha)["files"].items())}

    def commit(
        self, ref: str, tree: Tree, *, title: str, author: str, description: str = ""
    ) -> str:
        """Puts a commit at the head of a ref."""
        content = {
            "parent": self.state["refs"].get(ref),
            "title": title,
            "description": description,
            "author": author,
            "date": now(),
            "files": {
                path: {"oid": one.oid, "size": one.size, "sha256": one.sha256}
                for path, one in sorted(tree.items())
            },
        }
        data = json.dumps(content, sort_keys=True).encode()
        sha = sha1(data).hexdigest()  # noqa: S324
        _write(self.path / "commits" / sha, data)
        self.state["refs"][ref] = sha
        self.save()
        return sha

    def history(self, sha: str) -> Iterable[tuple[str, dict[str, Any]]]:
        """A commit and all before it."""
        at: str | None = sha
        while at:
            commit = self.read(at)
            yield at, commit
            at = commit["parent"]

    def open_pull(self, title: str, author: str, start: str) -> int:
        """Opens a pull request with a ref of its own; gives its number."""
        number = len(self.state["pulls"]) + 1
        self.state["pulls"].append({"title": title, "author": author, "date": now()})
        self.state["refs"][f"refs/pr/{number}"] = start
        self.save()
        return number


def now() -> str:
    """The time, as the Hub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    unfinished.write_bytes(data)
    unfinished.replace(path)
