"""Builds whose texts a model writes by way of batch jobs, against a server on this machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.commands import resolve_recipe
from duplexdata.pipeline.errors import RecipeError
from duplexdata.pipeline.generate.means import Means
from duplexdata.pipeline.generate.store import Store

from .conftest import manifest_of
from .loopback import Loopback, serve
from .test_resume import digests

Run = Callable[..., subprocess.CompletedProcess[str]]

KEY = "sk-loopback-0123456789"
KNOBS = {"api_key": KEY, "faults": 0.2, "batch_faults": 0.1, "faults_in_a_row": 2}


@pytest.fixture(scope="module")
def running() -> Iterator[Loopback]:
    """A server that wants a key."""
    with serve(**KNOBS) as one:
        yield one


@pytest.fixture
def server(running: Loopback) -> Loopback:
    """The server with its faults, its counts at naught."""
    running.reset()
    running.config(hold="", batch_polls=2, batch_lines=50_000, batch_missing=0.0, **KNOBS)
    return running


class Live:
    """What a build without batch jobs gives, and what it pays for."""

    def __init__(self, server: Loopback, folder: Path) -> None:
        """Builds it."""
        out = folder / "live"
        subprocess.run(
            process(server, out), env=environment(folder), capture_output=True, check=True
        )
        self.digests = digests(out)
        self.stats = server.stats()


@pytest.fixture(scope="module")
def live(running: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Live:
    """Built once."""
    running.reset()
    running.config(hold="", **KNOBS)
    one = Live(running, tmp_path_factory.mktemp("live"))
    running.reset()
    return one


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """With a store of its own and the right key; jobs are looked at often."""
    own = {"DUPLEXDATA_CACHE": str(tmp_path / "cache"), "OPENAI_API_KEY": KEY}
    return {**os.environ, **own, "DUPLEXDATA_BATCH_PAUSE": "0.02", **more}


def command(server: Loopback, out: Path, *more: str) -> list[str]:
    """A DUO build that asks the server for texts of two models."""
    return [
        *("build", "--format", "duo", "--source", "sample", "--limit", "14", "--samples", "0"),
        *("--llm", "openai", "--model", "fake-small", "--model-strong", "fake-large"),
        *("--base-url", server.base_url, "--out", str(out), *more),
    ]


def process(server: Loopback, out: Path, *more: str) -> list[str]:
    """The same in a process of its own."""
    return [sys.executable, "-m", "duplexdata", *command(server, out, *more)]


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """What a command said, having ended as it should."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr + done.stdout
    return done.stderr


def assert_paid_once(server: Loopback, live: Live) -> None:
    """All that a live build pays for was paid for, once, and by batch jobs alone."""
    stats = server.stats()
    assert (stats["repeated"], stats["paid"]) == (0, live.stats["paid"])
    assert stats["batches_under_way"] == 0  # what nobody asks about would be paid for in time


def test_the_bytes_of_a_live_build(
    server: Loopback, live: Live, duplexdata: Run, tmp_path: Path
) -> None:
    """In rounds, in jobs of one model each, through lines that fail; and live afterwards."""
    out, env = tmp_path / "out", environment(tmp_path)
    said = told(duplexdata(*command(server, out, "--batch"), env=env))
    assert digests(out) == live.digests
    assert_paid_once(server, live)
    stats = server.stats()
    assert stats["requests"] == 0
    assert stats["models"] == live.stats["models"]
    assert stats["transport_faults"]
    usage = json.loads((out / "run.json").read_text("utf-8"))["usage"]
    assert usage["jobs"] == stats["batches"] >= 4
    assert f"in {stats['batches']} batch jobs" in said
    assert "batch" not in json.dumps(manifest_of(out))
    for held in (tmp_path / "cache").iterdir():
        assert KEY.encode() not in held.read_bytes()
    # Live, with the same store: nothing is asked, and no key is needed.
    told(
        duplexdata(
            *command(server, tmp_path / "again"), env=environment(tmp_path, OPENAI_API_KEY="")
        )
    )
    assert digests(tmp_path / "again") == live.digests
    assert server.stats()["requests"] == 0


def test_half_live(server: Loopback, live: Live, duplexdata: Run, tmp_path: Path) -> None:
    """What live requests have paid for is in no job."""
    env = environment(tmp_path)
    told(duplexdata(*command(server, tmp_path / "out", "--max-requests", "40"), env=env), 1)
    told(duplexdata(*command(server, tmp_path / "out", "--batch"), env=env))
    assert server.stats()["requests"] >= 40
    assert digests(tmp_path / "out") == live.digests
    assert_paid_once(server, live)


def test_lines_that_are_missing(
    server: Loopback, live: Live, duplexdata: Run, tmp_path: Path
) -> None:
    """Asked again, which the screen says, they come to the same rows."""
    server.config(batch_missing=0.2)
    out = tmp_path / "out"
    said = told(duplexdata(*command(server, out, "--batch"), env=environment(tmp_path)))
    assert digests(out) == live.digests
    assert "(there is no line for it); they count as paid for; " in said
    assert server.stats()["repeated"]


@pytest.mark.parametrize("moment", ["upload", "create", "created", "retrieve", "content"])
def test_killed_and_resumed(
    moment: str, server: Loopback, live: Live, duplexdata: Run, tmp_path: Path
) -> None:
    """SIGKILL: while a job is uploaded, before and after it is made, waited for, downloaded."""
    env = environment(tmp_path)
    server.config(hold=moment)
    with subprocess.Popen(
        process(server, tmp_path / "out", "--batch"), env=env, stderr=subprocess.DEVNULL
    ) as killed:
        server.wait("held", 1, killed)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    made = server.stats()["batches"]
    assert (made == 0) == (moment in {"upload", "create"})
    server.config(hold="")
    told(duplexdata(*command(server, tmp_path / "out", "--batch"), env=env))
    assert digests(tmp_path / "out") == live.digests
    assert_paid_once(server, live)


def test_two_runs_at_once(server: Loopback, live: Live, tmp_path: Path) -> None:
    """On one store they make each job once, and both have all."""
    env = environment(tmp_path)
    server.config(batch_polls=5)
    both = [
        subprocess.Popen(
            process(server, tmp_path / name, "--batch"), env=env, stderr=subprocess.PIPE, text=True
        )
        for name in ("one", "other")
    ]
    for running, name in zip(both, ("one", "other"), strict=True):
        _, said = running.communicate(timeout=240)
        assert running.returncode == 0, said
        assert digests(tmp_path / name) == live.digests
    assert_paid_once(server, live)


def test_ctrl_c(server: Loopback, live: Live, duplexdata: Run, tmp_path: Path) -> None:
    """While it waits it ends at once, and says that jobs go on and how to go on."""
    env = environment(tmp_path)
    server.config(batch_polls=1_000_000)
    with subprocess.Popen(
        process(server, tmp_path / "out", "--batch"), env=env, stderr=subprocess.PIPE, text=True
    ) as running:
        server.wait("batches", 2, running)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 1
    assert "batch jobs go on at http://127.0.0.1" in said
    assert "go on with: duplexdata build" in said
    assert "Traceback" not in said
    made = server.stats()["batches"]
    server.config(batch_polls=1)
    told(duplexdata(*command(server, tmp_path / "out", "--batch"), env=env))
    assert digests(tmp_path / "out") == live.digests
    assert_paid_once(server, live)
    assert made == 2


@pytest.mark.parametrize(
    ("more", "knobs", "code", "words"),
    [
        (("--llm", "fake"), {}, 2, "--llm openai, not fake"),
        (("--llm", "offline"), {}, 2, "--llm openai, not offline"),
        (("--rpm", "60"), {}, 2, "--rpm and --tpm"),
        (("--client", "aiohttp"), {}, 2, "--client aiohttp"),
        (("--model", "missing"), {}, 2, "404"),
        ((), {"api_key": "another"}, 2, "401"),
        ((), {"batch_lines": 5}, 2, "A batch may have 5 lines"),
        (("--max-requests", "30"), {}, 1, "--max-requests 30 is reached"),
        (("--max-cost", "0.02", "--price-in", "1"), {}, 1, "--max-cost 0.02 is reached"),
    ],
)
def test_a_run_that_cannot_go_on(
    more: tuple[str, ...],
    knobs: dict[str, Any],
    code: int,
    words: str,
    server: Loopback,
    duplexdata: Run,
    tmp_path: Path,
) -> None:
    """It says so in a line or two, with the server's words where it has some."""
    server.config(**knobs)
    done = duplexdata(
        *command(server, tmp_path / "out", "--batch", *more), env=environment(tmp_path)
    )
    said = told(done, code)
    assert words in said
    assert ("go on with: duplexdata build" in said) == (code == 1)
    assert server.stats()["paid"] <= 40


def test_a_pause_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DUPLEXDATA_BATCH_PAUSE has to be a number of seconds."""
    asked = {"format": "duo", "llm": "openai", "model": "m"}
    recipe, means = resolve_recipe(asked, None), Means(batch=True)
    with closing(Store(tmp_path / "replies.sqlite3")) as store:
        for pause in ("soon", "0", "-1", "inf", "nan"):
            monkeypatch.setenv("DUPLEXDATA_BATCH_PAUSE", pause)
            with pytest.raises(RecipeError, match=f"DUPLEXDATA_BATCH_PAUSE={pause}:"):
                means.asking(recipe, store)


def test_stages(server: Loopback, live: Live, duplexdata: Run, tmp_path: Path) -> None:
    """The stages that ask send batch jobs too, and end with the rows of a build."""
    env = environment(tmp_path)
    folders = [str(tmp_path / name) for name in ("1", "2", "3", "4", "5")]
    flags = command(server, Path(folders[0]))[1:]
    told(duplexdata("load", *flags, env=env))
    told(duplexdata("interrupt", folders[0], "--batch", "--out", folders[1], env=env))
    told(duplexdata("distract", folders[1], "--batch", "--out", folders[2], env=env))
    told(duplexdata("slice", folders[2], "--out", folders[3], env=env))
    told(duplexdata("export", folders[3], "--out", folders[4], env=env))
    assert {
        name: digest for name, digest in digests(Path(folders[4])).items() if "data/" in name
    } == {name: digest for name, digest in live.digests.items() if "data/" in name}
    assert_paid_once(server, live)
