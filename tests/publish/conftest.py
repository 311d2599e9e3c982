"""A loopback Hub, finished runs, and the real clients that speak to it in their own processes."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ..loopback.hub import TOKEN, Hub, serve_hub
from ..loopback.hub_store import Repository, Store

Rows = dict[str, list[dict[str, Any]]]
MakeRun = Callable[..., Path]

BUILDS = {
    "tdm": ("--format", "tdm", "--validation", "0.2"),
    "tdm_blocks": ("--format", "tdm", "--config", "BLOCKS"),
    "duo": ("--format", "duo"),
}


@dataclass(frozen=True, slots=True)
class Publisher:
    """The command line and `datasets`, with a Hub and a home of their own."""

    hub: Hub
    home: Path

    def environment(self, token: str | None = TOKEN) -> dict[str, str]:
        """Of a process that speaks to the Hub."""
        return self.hub.environment(self.home, token)

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "duplexdata", *map(str, arguments)]

    def run(
        self, *arguments: str | Path, token: str | None = TOKEN
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            check=False,
            env=self.environment(token),
        )

    def push(self, *arguments: str | Path) -> str:
        """Runs a push that must succeed; gives its standard error."""
        done = self.run("push", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def python(self, code: str, *arguments: str, token: str | None = TOKEN) -> Any:
        """Runs code that prints JSON, with the Hub of this test."""
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment(token),
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def load(self, repository: str, config: str | None = None, revision: str = "main") -> Rows:
        """All rows by split, as `datasets.load_dataset` gives them."""
        code = (
            "import json, sys, datasets\n"
            "name, config, revision = sys.argv[1:]\n"
            "found = datasets.load_dataset(name, config or None, revision=revision)\n"
            "print(json.dumps({split: rows.to_list() for split, rows in found.items()}))\n"
        )
        rows: Rows = self.python(code, repository, config or "", revision)
        return rows

    def repository(self, name: str) -> Repository:
        """A repository as the Hub keeps it."""
        return Store(self.hub.folder).repository("datasets", name)

    def file(self, repository: str, path: str, revision: str = "main") -> str:
        """The text of a file on the Hub."""
        there = self.repository(repository)
        file = there.tree(there.resolve(revision))[path]
        return there.store.blob(file.content_oid).read_text("utf-8")

    def files(self, repository: str, revision: str = "main") -> list[str]:
        """The paths of all files on the Hub."""
        there = self.repository(repository)
        return sorted(there.tree(there.resolve(revision)))

    def commits(self, repository: str) -> list[str]:
        """The titles of the commits of main, the last first."""
        there = self.repository(repository)
        return [one["title"] for _, one in there.history(there.resolve("main"))]


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    """A Hub without a repository, and its clients."""
    with serve_hub(tmp_path / "hub") as hub:
        yield Publisher(hub, tmp_path / "home")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Finished, validated and measured runs over the sample, each built once; not to be changed."""
    made: dict[str, Path] = {}
    blocks = tmp_path_factory.mktemp("recipe") / "blocks.toml"
    blocks.write_text("block_rows = 16\nseed = 3\n", encoding="utf-8")

    def build(name: str) -> Path:
        if name not in made:
            out = tmp_path_factory.mktemp("runs") / name
            flags = [str(blocks) if one == "BLOCKS" else one for one in BUILDS[name]]
            command = [sys.executable, "-m", "duplexdata"]
            source = ("--source", "sample", "--workers", "1", "--out", str(out))
            measure = ("stats", str(out), "--probes", "--workers", "1")
            for arguments in (("build", *flags, *source), ("validate", str(out)), measure):
                subprocess.run([*command, *arguments], check=True, capture_output=True)
            made[name] = out
        return made[name]

    return build


@pytest.fixture
def make_run(built: Callable[[str], Path], tmp_path: Path) -> MakeRun:
    """A finished, validated and measured run of one's own."""

    def make(name: str = "tdm") -> Path:
        folder = tmp_path / "runs" / name
        shutil.copytree(built(name), folder)
        return folder

    return make


def rows_by_split(folder: Path) -> Rows:
    """The rows of a run's folder, in the order of its files."""
    rows: Rows = {}
    for file in sorted((folder / "data").iterdir()):
        rows.setdefault(file.name.split("-")[0], []).extend(pq.read_table(file).to_pylist())
    return rows
