"""A run's folder at a URL: the bytes of a folder here, and the same guarantees on resume."""

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

# Builds, and kills its own process before the n-th file is sent.
KILLED = """
import os, signal, sys
from duplexdata.pipeline import mirror
left = int(sys.argv.pop(1))
put = mirror.Mirror._put
def counted(*given):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    put(*given)
mirror.Mirror._put = counted
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

    def run(out: str = URL, *, overwrite: bool = False, push: bool = False, **flags: Any) -> str:
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
    build(overwrite=True)
    assert there() == here
    system = fsspec.filesystem("memory")
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
        ("hf://datasets/owner/name", False, "--push owner/name"),
        ("magnet://x", False, "magnet"),
        (URL, True, "--push"),
    ],
)
def test_where_a_run_cannot_be(out: str, push: bool, told: str, build: Callable[..., str]) -> None:
    """It is told before anything is read or written."""
    with pytest.raises((FolderError, RecipeError), match=told):
        build(out, push=push)


@pytest.mark.parametrize("another_machine", [True, False])
@pytest.mark.parametrize("files", [1, 6, 14])
def test_killed_it_goes_on(
    files: int, another_machine: bool, recipe: Path, here: dict[str, bytes], tmp_path: Path
) -> None:
    """Here or on a machine that has nothing of it; the bytes are those of a run never killed."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    # A store that outlives the process: this machine's files, as fsspec reaches them.
    arguments = ["build", "--format", "tdm", "--source", "sample", "--limit", "60", "--workers"]
    arguments += ["1", "--config", str(recipe), "--out", f"local://{tmp_path}/store/run"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(files), *arguments],
        check=False,
        capture_output=True,
        env=environment,
    )
    assert killed.returncode == -9
    store = tmp_path / "store" / "run"
    assert not (store / "manifest.json").exists()
    if another_machine:
        shutil.rmtree(cache)
    done = subprocess.run(
        [sys.executable, "-m", "duplexdata", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"local://{tmp_path}/store/run"
    if files > 1:
        assert "blocks were finished before" in done.stderr or not another_machine
    assert contents(store) == here
