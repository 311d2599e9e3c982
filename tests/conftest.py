"""What several tests start from: real dialogues, and builds of them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiktoken
from hypothesis import settings

from duplexdata.pipeline.slice.tokenizers import Tokenizer, load_tokenizer
from duplexdata.pipeline.slice.tokenizers.tiktoken import TiktokenTokenizer

# Processes that tests interrupt must not inherit that a shell in the background ignores it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Nor that they are to outlive a terminal.
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The encoder that always works; the tests of the fast one ask for it.
os.environ["DUPLEXDATA_ENCODER"] = "tiktoken"

# How long a test takes on a busy machine says nothing of what it tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@cache
def cl100k() -> tiktoken.Encoding:
    """Tiktoken's own encoding, had without a network."""
    loaded = load_tokenizer("cl100k_base")
    assert isinstance(loaded, TiktokenTokenizer)
    return loaded.encoding


ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / "shared" / "data"

Rows = list[dict[str, Any]]

LONG = "It is a long answer, and it goes on and on, so that it can be cut at many places. " * 2
TDM_SAMPLE = ("--format", "tdm", "--source", "sample")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """The default tokenizer."""
    return load_tokenizer("cl100k_base")


@pytest.fixture
def real_data() -> Path:
    """A folder of real dialogues beside the project; tests that need it skip without it."""
    if not REAL_DATA.is_dir():
        pytest.skip("no folder of real dialogues beside the project")
    return REAL_DATA


@pytest.fixture
def duplexdata() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "duplexdata", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=env,
        )

    return run


def file_of(size: int, folder: Path) -> Path:
    """A file of so many bytes: a dialogue, and blanks."""
    file = folder / f"{size}.jsonl"
    row = json.dumps({"id": "1", "data": ["What is it?", "It is this."]})
    file.write_text(row + "\n" + " " * (size - len(row) - 2) + "\n")
    return file


@pytest.fixture
def write_dialogues(tmp_path: Path) -> Callable[..., Path]:
    """Writes dialogues, each a list of texts, as an UltraChat file."""

    def write(dialogues: Sequence[Sequence[str]], name: str = "dialogues.jsonl") -> Path:
        file = tmp_path / name
        rows = [{"id": str(number), "data": list(texts)} for number, texts in enumerate(dialogues)]
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return file

    return write


@pytest.fixture
def built_rows(
    duplexdata: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> Callable[..., Rows]:
    """Builds with these arguments and gives the rows of both splits."""
    count = iter(range(1000))

    def build(*arguments: str | Path) -> Rows:
        out = tmp_path / f"built-{next(count)}"
        done = duplexdata("build", *arguments, "--out", out, "--workers", "1")
        assert done.returncode == 0, done.stderr
        return rows_of(out)

    return build


def rows_of(folder: Path) -> Rows:
    """The rows of a run's folder, in the order of its files."""
    return [
        row
        for file in sorted((folder / "data").iterdir())
        for row in pq.read_table(file).to_pylist()
    ]


def manifest_of(folder: Path) -> dict[str, Any]:
    """The manifest of a run."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return manifest
