"""A run's folder at a URL: the bytes of a folder here, and the same guarantees on resume."""

import fnmatch
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from duplexdata.pipeline.commands import run_build
from duplexdata.pipeline.errors import FolderError, RecipeError

FLAGS = {"format": "tdm", "source": ["sample"], "limit": 60}
URL = "memory://runs/one"

# Builds, and kills its own process at the n-th call of the file system that changes something
# there; a file that is being sent is then half there.
KILLED = """
import os, signal, sys
from pathlib import Path
from duplexdata.pipeline import mirror
left = int(sys.argv.pop(1))
begin = mirror.Mirror.__init__
def watched(self, url):
    begin(self, url)
    for name in ("put_file", "mv", "rm_file"):
        setattr(self._system, name, dying(name, getattr(self._system, name)))
def dying(name, act):
    def acts(*given):
        global left
        left -= 1
        if left == 0:
            if name == "put_file":
                data = Path(given[0]).read_bytes()
                Path(given[1]).write_bytes(data[:len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        act(*given)
    return acts
mirror.Mirror.__init__ = watched
from duplexdata.__main__ import main
main()
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs at URLs are built here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "duplexdata" / "runs"


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several blocks, and a validation split."""
    file = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    file.write_text("block_rows = 15\nvalidation = 0.3\n")
    return file


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory, recipe: Path) -> dict[str, bytes]:
    """The files of the run in a folder."""
    out = tmp_path_factory.mktemp("here") / "run"
    run_build(FLAGS, config=recipe, out=out, workers=1, engine="local", overwrite=False)
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run but what differs from run to run."""
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and one.name != "run.json"
    }


@pytest.fixture
def build(recipe: Path, cache: Path) -> Iterator[Callable[..., str]]:
    """Builds the run at a URL of this process's memory, with other flags if need be."""
    assert not cache.exists()

    def run(
        out: str = URL, *, overwrite: bool = False, push: str | None = None, **flags: Any
    ) -> str:
        return run_build(
            {**FLAGS, **flags},
            config=recipe,
            out=out,
            workers=1,
            engine="local",
            overwrite=overwrite,
            push=push,
        )

    yield run
    system = fsspec.filesystem("memory")
    if system.exists("/runs"):
        system.rm("/runs", recursive=True)


def there() -> dict[str, bytes]:
    """Every file at the URL but what differs from run to run."""
    system = fsspec.filesystem("memory")
    found = {path.removeprefix("/runs/one/"): system.cat(path) for path in system.find("/runs/one")}
    found.pop("run.json", None)
    return found


def test_the_files_are_those_of_a_folder(
    build: Callable[..., str], here: dict[str, bytes], cache: Path, capsys: Any
) -> None:
    """Byte for byte, with nothing beside them, there or here; a finished run is left as it is."""
    assert build() == URL
    assert there() == here
    assert not any(cache.iterdir())
    capsys.readouterr()
    assert build() == URL
    assert "already finished: memory://runs/one" in capsys.readouterr().err


def test_whose_it_is(build: Callable[..., str], here: dict[str, bytes]) -> None:
    """Another recipe's run, a file that is gone and files of others are told; overwriting helps."""
    build(seed=1, limit=90)  # it has more shards
    with pytest.raises(FolderError, match=r"memory://runs/one was made by another recipe.*seed"):
        build()
    system = fsspec.filesystem("memory")
    build(overwrite=True)
    assert there() == here
    system.rm("/runs/one/rejected.parquet")
    with pytest.raises(FolderError, match=r"rejected\.parquet is not what this run wrote"):
        build()
    system.rm("/runs/one", recursive=True)
    system.pipe("/runs/one/thesis.tex", b"x")
    with pytest.raises(FolderError, match=r"no run's \(thesis\.tex\)"):
        build()
    assert list(there()) == ["thesis.tex"]


@pytest.mark.parametrize(
    ("out", "push", "told"),
    [
        ("hf://datasets/owner/name", None, "--push owner/name"),
        ("magnet://x", None, "magnet"),
        (URL, "owner/name", "--push"),
    ],
)
def test_where_a_run_cannot_be(
    out: str, push: str | None, told: str, build: Callable[..., str]
) -> None:
    """It is told before anything is read or written."""
    with pytest.raises((FolderError, RecipeError), match=told):
        build(out, push=push)


class Store:
    """A run at a URL that outlives processes: this machine's files, as fsspec reaches them."""

    def __init__(self, folder: Path, recipe: Path) -> None:
        """Holds nothing yet."""
        self.run = folder / "store" / "run"
        self.url = f"local://{self.run}"
        self._folder = folder
        self._recipe = recipe

    def build(
        self, *flags: str, die_at: int = 0, machine: str = "one"
    ) -> subprocess.CompletedProcess[str]:
        """Builds there.

        Args:
            flags: besides the usual ones.
            die_at: the call of the file system at which the process dies; 0 is none.
            machine: whose cache is at hand.
        """
        program = ["-c", KILLED, str(die_at)] if die_at else ["-m", "duplexdata"]
        usual = ["--format", "tdm", "--source", "sample", "--limit", "60", "--workers", "1"]
        done = subprocess.run(
            [
                *(sys.executable, *program, "build", *usual),
                *("--config", str(self._recipe), "--out", self.url, *flags),
            ],
            check=False,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "XDG_CACHE_HOME": str(self._folder / machine),
                "DUPLEXDATA_CACHE": str(self._folder / "replies"),
            },
        )
        assert done.returncode == (-9 if die_at else 0), done.stderr
        return done

    def is_finished(self) -> bool:
        """Whether it says so."""
        return (self.run / "manifest.json").exists()


@pytest.fixture
def store(tmp_path: Path, recipe: Path) -> Store:
    """An empty one."""
    return Store(tmp_path, recipe)


@pytest.mark.parametrize("machine", ["one", "another"])
@pytest.mark.parametrize("call", [1, 4, 11, 30])
def test_killed_it_goes_on(call: int, machine: str, store: Store, here: dict[str, bytes]) -> None:
    """Here or on a machine that has nothing of it; the bytes are those of a run never killed."""
    store.build(die_at=call)
    assert not store.is_finished()
    held = contents(store.run)
    for name in set(held) & set(here):
        assert held[name] == here[name]  # never half of it
    for name in fnmatch.filter(held, ".work/blocks/*.json"):
        assert all(one["path"] in held for one in json.loads(held[name])["files"])
    done = store.build(machine=machine)
    assert done.stdout.strip() == store.url
    if call == 11:
        assert "blocks were finished before" in done.stderr
    assert contents(store.run) == here


def test_what_does_not_fit_is_built_again(store: Store, here: dict[str, bytes]) -> None:
    """A shard there that is not what its report says, and one that no report speaks of."""
    store.build(die_at=20)
    shards = sorted((store.run / "data").iterdir())
    shards[0].write_bytes(b"PAR1")
    (store.run / "data" / "train-00099.parquet").write_bytes(b"PAR1")
    done = store.build(machine="another")
    assert "blocks were finished before" in done.stderr
    assert contents(store.run) == here


def test_what_is_here_of_another_run_is_not_taken(store: Store, here: dict[str, bytes]) -> None:
    """A machine that began another recipe's run there goes on with the one that is there now."""
    store.build("--statements", "1", die_at=20)
    shutil.rmtree(store.run)
    store.build(die_at=11, machine="another")
    store.build()
    assert contents(store.run) == here


def test_killed_after_the_last_block_it_sends_no_shard_again(
    store: Store, here: dict[str, bytes]
) -> None:
    """What reports there say of shards is believed, if the manifest here says the same."""
    store.build(die_at=30)
    last = {one: one.stat().st_mtime_ns for one in (store.run / "data").iterdir()}
    store.build()
    assert contents(store.run) == here
    assert (
        last.items()
        <= {one: one.stat().st_mtime_ns for one in (store.run / "data").iterdir()}.items()
    )


def test_overwritten_it_is_unfinished_first(store: Store, here: dict[str, bytes]) -> None:
    """A run one of whose files is gone never says that it is finished."""
    store.build()
    store.build("--overwrite", die_at=4)  # a file after the manifest is to be removed
    assert not store.is_finished()
    (store.run / "stats.json").write_text("{}")  # of the rows that were there
    store.build("--overwrite")
    assert contents(store.run) == here


def test_what_failed_is_taken_up_again(store: Store) -> None:
    """A finished run stays as it is until a block of the new one is sent."""
    asks = ("--llm", "fake", "--retry-failed")
    store.build(*asks)
    whole = contents(store.run)
    manifest = json.loads(whole["manifest.json"])
    manifest["counts"]["left_out"]["request_failed"] = {"regeneration": 1}  # as if
    (store.run / "manifest.json").write_text(json.dumps(manifest))
    failed = contents(store.run)
    store.build(*asks, die_at=2)  # it has said whose it is
    assert failed.items() <= contents(store.run).items()
    store.build(*asks, die_at=6)
    assert not store.is_finished()
    store.build(*asks, machine="another")
    assert contents(store.run) == whole
