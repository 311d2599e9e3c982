"""A finished run on the Hub, and back: what is sent, what is told, what goes on after a stop."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import TDM_SAMPLE
from ..loopback.hub import READER
from .conftest import MakeRun, Publisher, rows_by_split


def puts(publisher: Publisher) -> list[str]:
    """The parts of large files that came whole, in order."""
    return [line for line in publisher.hub.stats()["log"] if line.startswith("PUT")]


def test_what_is_pushed_loads_back_row_for_row(publisher: Publisher, make_run: MakeRun) -> None:
    """The real load_dataset gives the rows of the folder, in order, in the same splits."""
    folder = make_run("tdm")
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{publisher.hub.endpoint}/datasets/someone/talk\n"
    assert publisher.load("someone/talk") == rows_by_split(folder)
    # A shard went up in parts, as files of the size of a real shard do.
    assert publisher.hub.stats()["requests"]["lfs_complete"] >= 1


def test_what_is_sent_is_said_before(publisher: Publisher, make_run: MakeRun) -> None:
    """Files, rows, bytes and licence are told, and one commit holds it all."""
    folder = make_run("tdm")
    rows = rows_by_split(folder)
    said = publisher.push(folder, "someone/talk")
    size = (folder / "data" / "validation-00000.parquet").stat().st_size
    held = len(rows["validation"])
    assert f"  data/validation-*.parquet: {held:,} rows, {size:,} bytes\n" in said
    assert "licence apache-2.0" in said
    assert publisher.files("someone/talk") == [
        *(".gitattributes", "README.md"),
        *("data/train-00000.parquet", "data/validation-00000.parquet"),
        *("left_out.parquet", "manifest.json", "rejected.parquet"),
        *("stats.json", "validation.json"),
    ]
    assert len(publisher.commits("someone/talk")) == 2  # the Hub's own, and ours
    assert publisher.file("someone/talk", "manifest.json") == (folder / "manifest.json").read_text(
        "utf-8"
    )


def test_pushing_again_sends_nothing(publisher: Publisher, make_run: MakeRun) -> None:
    """A second push of the same folder makes no commit and uploads no byte."""
    folder = make_run("tdm")
    publisher.push(folder, "someone/talk")
    before = publisher.hub.stats()["received"]
    assert "all of it is there already" in publisher.push(folder, "someone/talk")
    assert publisher.hub.stats()["received"] == before
    assert len(publisher.commits("someone/talk")) == 2


def test_a_dry_run_sends_nothing(publisher: Publisher, make_run: MakeRun) -> None:
    """It asks the Hub for nothing, needs no token, and writes the card for the repository."""
    folder = make_run("tdm")
    done = publisher.run("push", folder, "someone/talk", "--dry-run", token=None)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "286 rows" in done.stderr or "287 rows" in done.stderr
    assert publisher.hub.stats()["log"] == []
    card = (folder / "README.md").read_text("utf-8")
    assert 'load_dataset("someone/talk", split="train")' in card


def test_killed_in_the_middle_it_goes_on(publisher: Publisher, make_run: MakeRun) -> None:
    """After a SIGKILL in an upload nothing is to be seen; the same command sends only the rest."""
    folder = make_run("tdm_blocks")
    # All but the last files are there when the kill comes.
    publisher.hub.config(faults=[{"match": "PUT /_lfs/", "hold": True, "at": 1, "after": 4}])
    running = subprocess.Popen(
        publisher.command("push", folder, "someone/talk"),
        env=publisher.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    publisher.hub.wait_until_held()
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert publisher.files("someone/talk") == [".gitattributes"]
    whole = {line.split("/")[2] for line in puts(publisher) if line.endswith(" 200")}
    assert whole

    publisher.hub.config()
    before = len(puts(publisher))
    publisher.push(folder, "someone/talk")
    again = {line.split("/")[2] for line in puts(publisher)[before:]}
    one_part = {line.split("/")[2] for line in puts(publisher)[:before] if line.endswith("/0 200")}
    assert one_part
    assert not one_part & again
    assert publisher.load("someone/talk") == rows_by_split(folder)


def test_a_connection_that_drops_in_an_upload_is_taken_up(
    publisher: Publisher, make_run: MakeRun
) -> None:
    """Where the line is cut once in the middle of a file, it is sent again and comes whole."""
    folder = make_run("tdm")
    publisher.hub.config(
        faults=[{"match": "PUT /_lfs/", "drop": "request", "at": 20_000, "times": 1}]
    )
    said = publisher.push(folder, "someone/talk")
    assert "the Hub: Retrying in" in said
    assert publisher.load("someone/talk") == rows_by_split(folder)


@pytest.mark.parametrize("drop", ["request", "response"])
def test_a_connection_that_drops_at_the_commit(
    publisher: Publisher, make_run: MakeRun, drop: str
) -> None:
    """One line tells it; the same command ends it, whether or not the commit had been made."""
    folder = make_run("duo")
    publisher.hub.config(faults=[{"match": "POST .*/commit/", "drop": drop, "times": 1}])
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 1
    error, go_on = done.stderr.splitlines()[-2:]
    assert error.startswith("error: the connection to the Hub broke off (")
    assert go_on.startswith("go on with: duplexdata push ")
    before = publisher.hub.stats()["received"]
    said = publisher.push(folder, "someone/talk")
    assert ("all of it is there already" in said) == (drop == "response")
    assert publisher.hub.stats()["received"] == before
    assert len(publisher.commits("someone/talk")) == 2
    assert publisher.load("someone/talk") == rows_by_split(folder)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the Hub does not take the token"),
        (403, "the token may not write to someone/talk"),
        (404, "someone/talk, or the revision, is not there"),
        (409, "another change of someone/talk is under way"),
        (413, "too large for the Hub"),
        (429, "wait 7 seconds"),
        (500, "the Hub has an error of its own"),
        (503, "the Hub has an error of its own"),
    ],
)
def test_a_refusal_is_one_line(
    publisher: Publisher, make_run: MakeRun, status: int, words: str
) -> None:
    """It says what, with the status and the Hub's own words, and how to go on; exit 1."""
    folder = make_run("duo")
    fault = {"match": "POST .*/commit/", "status": status, "headers": {"Retry-After": "7"}}
    publisher.hub.config(faults=[fault])
    done = publisher.run("push", folder, "someone/talk")
    assert done.returncode == 1
    error, go_on = done.stderr.splitlines()[-2:]
    assert error.startswith("error: ")
    assert words in error
    assert f"({status}: a fault on demand)" in error
    assert go_on == f"go on with: duplexdata push {folder} someone/talk"
    assert "Traceback" not in done.stderr
    publisher.hub.config()
    publisher.push(folder, "someone/talk")
    assert "data/train-00000.parquet" in publisher.files("someone/talk")


def test_a_busy_hub_is_waited_for(publisher: Publisher, make_run: MakeRun) -> None:
    """Told to wait where the client can try again, it says so, waits, and goes on."""
    folder = make_run("duo")
    publisher.hub.config(
        faults=[
            {"match": "preupload", "status": 429, "headers": {"Retry-After": "0"}, "times": 1},
            {"match": "objects/batch", "status": 503, "times": 1},
        ]
    )
    said = publisher.push(folder, "someone/talk")
    assert "the Hub: Rate limited. Waiting" in said
    assert "the Hub: Retrying in" in said
    assert publisher.load("someone/talk") == rows_by_split(folder)


def test_without_a_token_nothing_is_asked(publisher: Publisher, make_run: MakeRun) -> None:
    """The error names both ways to have one; exit 2."""
    done = publisher.run("push", make_run("duo"), "someone/talk", token=None)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: there is no token for the Hub")
    assert "HF_TOKEN" in done.stderr
    assert publisher.hub.stats()["log"] == []


@pytest.mark.parametrize(
    ("token", "words"), [("hf_of_nobody", "401: Invalid credentials"), (READER, "403: Forbidden")]
)
def test_a_token_that_may_not_write(
    publisher: Publisher, make_run: MakeRun, token: str, words: str
) -> None:
    """Neither a token of nobody nor one of another account makes a repository."""
    done = publisher.run("push", make_run("duo"), "someone/talk", token=token)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-2]
    assert not (publisher.hub.folder / "datasets").exists()


def test_private_is_private(publisher: Publisher, make_run: MakeRun) -> None:
    """Nobody else sees a private repository; a public one does not become one."""
    folder = make_run("duo")
    publisher.push(folder, "someone/secret", "--private")
    code = (
        "import json, huggingface_hub as hub\n"
        "try:\n    hub.dataset_info('someone/secret')\n"
        "except hub.errors.RepositoryNotFoundError as error:\n"
        "    print(json.dumps(error.response.status_code))\n"
    )
    assert publisher.python(code, token=None) == 401
    assert publisher.python(code, token=READER) == 404
    assert publisher.load("someone/secret") == rows_by_split(folder)
    publisher.push(folder, "someone/open")
    done = publisher.run("push", folder, "someone/open", "--private")
    assert done.returncode == 2
    assert "someone/open is there and public" in done.stderr


def test_a_revision_of_its_own(publisher: Publisher, make_run: MakeRun) -> None:
    """--revision writes to a branch, made if need be; main stays as it was."""
    folder = make_run("duo")
    publisher.push(folder, "someone/talk")
    other = make_run("tdm")
    done = publisher.run("push", other, "someone/talk", "--revision", "v2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("/datasets/someone/talk/tree/v2\n")
    assert publisher.load("someone/talk") == rows_by_split(folder)
    assert publisher.load("someone/talk", revision="v2") == rows_by_split(other)


def test_a_pull_request(publisher: Publisher, make_run: MakeRun) -> None:
    """--create-pr leaves main alone and gives the pull request's address."""
    folder = make_run("duo")
    publisher.push(folder, "someone/talk")
    other = make_run("tdm")
    done = publisher.run("push", other, "someone/talk", "--create-pr")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("/datasets/someone/talk/discussions/1\n")
    assert publisher.load("someone/talk") == rows_by_split(folder)
    assert publisher.load("someone/talk", revision="refs/pr/1") == rows_by_split(other)


def test_build_and_push_in_one(publisher: Publisher, tmp_path: Path) -> None:
    """Build --push builds, validates and publishes; both results are on standard output."""
    out = tmp_path / "run"
    flags = ("--format", "duo", "--source", "sample", "--samples", "20", "--out", out)
    done = publisher.run("build", *flags, "--push", "someone/talk")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n{publisher.hub.endpoint}/datasets/someone/talk\n"
    assert publisher.load("someone/talk") == rows_by_split(out)
    again = publisher.run("build", *flags, "--quiet", "--push", "someone/talk")
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""


def test_build_and_push_that_cannot_push_builds_nothing(
    publisher: Publisher, tmp_path: Path
) -> None:
    """No token, or no network: it is said before anything is built, or paid for."""
    out = tmp_path / "run"
    done = publisher.run("build", *TDM_SAMPLE, "--out", out, "--push", "some/talk", token=None)
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no token for the Hub")
    done = subprocess.run(
        publisher.command("build", *TDM_SAMPLE, "--out", out, "--push", "some/talk"),
        capture_output=True,
        text=True,
        check=False,
        env={**publisher.environment(), "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: HF_HUB_OFFLINE is set")
    assert not out.exists()


def test_build_and_push_of_a_source_without_a_licence_builds_nothing(
    publisher: Publisher, write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """Its licence is to be named, and build has no flag for it."""
    source = write_dialogues([["What is it?", "It is this."]])
    flags = ("--format", "tdm", "--source", source, "--out", tmp_path / "run")
    done = publisher.run("build", *flags, "--push", "some/talk")
    assert done.returncode == 2
    assert "--license" in done.stderr
    assert not (tmp_path / "run").exists()
