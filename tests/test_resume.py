"""Killed anywhere, the same command goes on, and the bytes are those of a run never killed."""

import gzip
import hashlib
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from duplexdata.pipeline.slice import tokenizers

# Runs the command line, and kills its own process at the n-th moment at which
# something becomes durable: before a file is synced, before and after it gets its name.
KILLED = """
import os, pathlib, signal, sys
left = int(sys.argv.pop(1))
def count():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
fsync, replace = os.fsync, pathlib.Path.replace
def counted_fsync(*a):
    count(); return fsync(*a)
def counted_replace(*a):
    count(); done = replace(*a); count(); return done
os.fsync, pathlib.Path.replace = counted_fsync, counted_replace
from duplexdata.__main__ import main
main()
"""

# Kills the parent of two workers as soon as the first block is there.
PARENT_KILLED = """
import os, signal
from duplexdata.pipeline.progress import Progress
Progress.did = lambda *a: os.kill(os.getpid(), signal.SIGKILL)
from duplexdata.__main__ import main
main()
"""

Digests = dict[str, str]


def digests(folder: Path) -> Digests:
    """A hash of all that must be the same bytes (rule 8)."""
    files = [
        *sorted((folder / "data").iterdir()),
        folder / "rejected.parquet",
        folder / "left_out.parquet",
        folder / "manifest.json",
        folder / "README.md",
    ]
    return {str(file.relative_to(folder)): _sha256(file) for file in files}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The arguments of a build of 7 blocks, with rejects and a validation split."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 15\nmax_characters = 4000\nvalidation = 0.3\n")

    def arguments(out: str, workers: int = 1) -> list[str]:
        return [
            *("build", "--format", "tdm", "--source", "sample", "--config", str(recipe)),
            *("--out", str(tmp_path / out), "--workers", str(workers)),
        ]

    return arguments


@pytest.fixture
def never_killed(command: Callable[..., list[str]], tmp_path: Path) -> Digests:
    """The bytes of a run that nothing happened to."""
    subprocess.run(
        [sys.executable, "-m", "duplexdata", *command("whole")], check=True, capture_output=True
    )
    return digests(tmp_path / "whole")


def run_killed(arguments: list[str], moments: int) -> int:
    """Runs a command that is killed after so many moments; its exit code."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(moments), *arguments], check=False, capture_output=True
    ).returncode


def run_whole(arguments: list[str]) -> str:
    """Runs a command to its end; what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "duplexdata", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("moments", [0, 3, 6, 9, 14, 25, 70, 77, 83, 88, 91])
def test_killed_once(
    moments: int, command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """Wherever the kill falls, the next run ends with the same bytes and no leftovers."""
    assert run_killed(command("out"), moments) == -signal.SIGKILL
    run_whole(command("out"))
    assert digests(tmp_path / "out") == never_killed
    assert not (tmp_path / "out" / ".work").exists()


def test_killed_again_and_again(
    command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """A run that is killed every few moments still moves on and ends with the same bytes."""
    codes: list[int] = []
    while not codes or codes[-1] != 0:
        codes.append(run_killed(command("out"), 30))
        assert len(codes) < 20
    assert codes.count(-signal.SIGKILL) >= 2
    assert digests(tmp_path / "out") == never_killed


def test_parent_of_workers_killed(
    command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """Workers end with their parent; the next run goes on with what they finished."""
    killed = subprocess.run(
        [sys.executable, "-c", PARENT_KILLED, *command("out", workers=2)],
        check=False,
        capture_output=True,  # waits until every worker has closed its end, too
    )
    assert killed.returncode == -signal.SIGKILL
    said = run_whole(command("out", workers=2))
    assert "finished before" in said
    assert digests(tmp_path / "out") == never_killed


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_do_not_change_the_bytes(
    workers: int, command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """One worker and several write the same files."""
    run_whole(command("out", workers=workers))
    assert digests(tmp_path / "out") == never_killed


def test_full_disk(
    command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """A write that fails is one line and exit 1; with room again the run goes on."""
    limit = 20_000  # bytes a file: less than the largest shard
    ranks = tmp_path / "ranks"  # the tokenizer's are larger, so they are there already
    ranks.mkdir()
    embedded = files(tokenizers) / "ranks" / "cl100k_base.tiktoken.gz"
    (ranks / "9b5ad71b2ce5302211f9c61530b329a4922fc6a4").write_bytes(
        gzip.decompress(embedded.read_bytes())
    )

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "duplexdata", *command("out")],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=little_room,
        env={**os.environ, "TIKTOKEN_CACHE_DIR": str(ranks)},
    )
    assert done.returncode == 1
    assert "could not write" in done.stderr
    assert "go on with: duplexdata build" in done.stderr
    assert "Traceback" not in done.stderr
    run_whole(command("out"))
    assert digests(tmp_path / "out") == never_killed


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_interrupted(
    name: str, command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """Ctrl-C, or a connection that is lost: exit 1, no traceback, and says how to go on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "duplexdata", *command("out", workers=2)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline()  # it has begun
    os.killpg(process.pid, getattr(signal, name))
    said = process.stderr.read()
    assert process.wait() == 1
    process.stderr.close()
    assert "go on with: duplexdata build" in said
    assert "Traceback" not in said
    run_whole(command("out"))
    assert digests(tmp_path / "out") == never_killed


def test_changed_source_is_built_anew(write_dialogues: Callable[..., Path], tmp_path: Path) -> None:
    """Blocks whose dialogues changed between two tries are not taken from the first."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 1\n")
    arguments = ["build", "--format", "tdm", "--config", str(recipe), "--workers", "1"]
    file = write_dialogues([["one?", "yes"], ["two?", "no"], ["three?", "maybe"]])
    out = ["--source", str(file), "--out", str(tmp_path / "out")]
    assert run_killed([*arguments, *out], 16) == -signal.SIGKILL
    write_dialogues([["one?", "yes"], ["two?", "no, never"]])
    said = run_whole([*arguments, *out])
    assert "1 blocks were finished before" in said
    assert digests(tmp_path / "out") == fresh_digests(arguments, file, tmp_path / "fresh")


def fresh_digests(arguments: list[str], file: Path, out: Path) -> Digests:
    """The bytes of a build of a file that was never killed."""
    run_whole([*arguments, "--source", str(file), "--out", str(out)])
    return digests(out)


def many(count: int, first: int = 0) -> list[list[str]]:
    """So many dialogues of two rounds."""
    long = "It is a long answer, and it goes on and on, so that it can be cut at many places."
    return [[f"Question {number}?", long, "And?", long] for number in range(first, first + count)]


def test_a_sample_of_a_changed_source_is_drawn_anew(
    write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """A block that was finished for another threshold is built again."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 10\nsamples = 15\n")
    arguments = ["build", "--format", "tdm", "--config", str(recipe), "--workers", "1"]
    file = write_dialogues(many(30))
    out = ["--source", str(file), "--out", str(tmp_path / "out")]
    assert run_killed([*arguments, *out], 14) == -signal.SIGKILL
    assert list((tmp_path / "out" / ".work" / "blocks").iterdir())
    write_dialogues(many(60))
    run_whole([*arguments, *out])
    assert digests(tmp_path / "out") == fresh_digests(arguments, file, tmp_path / "fresh")


def test_rows_that_moved_are_named_where_they_stand(
    write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """A blank line before the resume moves the places that rejected.parquet names."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 1\n")
    arguments = ["build", "--format", "tdm", "--config", str(recipe), "--workers", "1"]
    file = write_dialogues([["one?", "yes"], ["two?", "no"], ["three?", "maybe"]])
    out = ["--source", str(file), "--out", str(tmp_path / "out")]
    assert run_killed([*arguments, *out], 16) == -signal.SIGKILL
    file.write_text("\n" + file.read_text("utf-8"), encoding="utf-8")
    run_whole([*arguments, *out])
    assert digests(tmp_path / "out") == fresh_digests(arguments, file, tmp_path / "fresh")


def test_a_lost_shard_is_built_again(
    command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """A block whose report is there but whose shard is gone is not taken for finished."""
    assert run_killed(command("out"), 40) == -signal.SIGKILL
    shard = min((tmp_path / "out" / "data").iterdir())
    shard.unlink()
    run_whole(command("out"))
    assert digests(tmp_path / "out") == never_killed


def test_terminated(
    command: Callable[..., list[str]], never_killed: Digests, tmp_path: Path
) -> None:
    """SIGTERM, which schedulers send, is what Ctrl-C is: exit 1 and how to go on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "duplexdata", *command("out", workers=2)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline()  # it has begun
    process.terminate()
    said = process.stderr.read()
    assert process.wait() == 1
    process.stderr.close()
    assert "go on with: duplexdata build" in said
    assert "Traceback" not in said
    run_whole(command("out"))
    assert digests(tmp_path / "out") == never_killed


def test_interrupted_at_work(write_dialogues: Callable[..., Path], tmp_path: Path) -> None:
    """Ctrl-C while workers build keeps the blocks that are there; the printed command goes on."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 25\n")
    file = write_dialogues(many(1500))
    arguments = ["build", "--format", "tdm", "--config", str(recipe), "--workers", "2"]
    whole = fresh_digests(arguments, file, tmp_path / "fresh")
    asked = [*arguments, "--source", str(file), "--out", str(tmp_path / "out"), "--verbose"]
    said = run_interrupted([*asked, "--overwrite"], "block 3:")
    (command,) = re.findall("^go on with: duplexdata (.*)$", said, re.MULTILINE)
    assert shlex.split(command) == asked
    assert "finished blocks are kept" in said
    kept = len(list((tmp_path / "out" / ".work" / "blocks").glob("*.json")))
    assert 4 <= kept < 60
    assert f"{kept} blocks were finished before" in run_whole(shlex.split(command))
    assert digests(tmp_path / "out") == whole


def test_interrupted_while_it_reads(write_dialogues: Callable[..., Path], tmp_path: Path) -> None:
    """Ctrl-C where only rejects are read so far ends the build, and leaves nothing behind."""
    file = write_dialogues(many(1) * 60_000)
    arguments = ["build", "--format", "duo", "--source", str(file), "--out", str(tmp_path / "out")]
    said = run_interrupted(arguments, "rows of layout")
    assert "go on with: duplexdata build" in said
    assert not (tmp_path / "out").exists()


def run_interrupted(arguments: list[str], at: str) -> str:
    """Runs a command until it says a line, then sends Ctrl-C; what it said after it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "duplexdata", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    while at not in (line := process.stderr.readline()):
        assert line, "it ended before"
    os.killpg(process.pid, signal.SIGINT)
    said = process.stderr.read()
    assert process.wait() == 1
    process.stderr.close()
    assert "Traceback" not in said
    return said
