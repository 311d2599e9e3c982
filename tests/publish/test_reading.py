"""The reading commands on rows that lie on the Hub."""

from pathlib import Path

from ..conftest import manifest_of
from ..load.hub_files import put_dataset
from .conftest import MakeRun, Publisher


def put_run(publisher: Publisher, run: Path, name: str, at: str = "") -> str:
    """Commits the files of a run as they are; gives the commit."""
    files = {
        f"{at}{one.relative_to(run).as_posix()}": one.read_bytes()
        for one in run.rglob("*")
        if one.is_file() and one.name != "validation.json"
    }
    return put_dataset(publisher.hub.folder, name, files)


def test_the_commands_take_a_name_on_the_hub(publisher: Publisher, make_run: MakeRun) -> None:
    """What they say of a run there is what they say of its folder here."""
    run = make_run("tdm")
    put_run(publisher, run, "someone/talk")
    told = publisher.run("validate", "someone/talk", token=None)
    assert told.returncode == 0, told.stderr
    assert told.stdout == publisher.run("validate", run).stdout
    assert "rejected.parquet" not in told.stdout
    assert not list(publisher.home.rglob("validation.json"))
    shown = publisher.run("show", "hf://datasets/someone/talk@main", "-n", "1", token=None)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == publisher.run("show", run, "-n", "1").stdout


def test_files_and_runs_inside_a_repository(publisher: Publisher, make_run: MakeRun) -> None:
    """A file or a run's folder is named behind the repository; nothing else is downloaded."""
    run = make_run("duo")
    commit = put_run(publisher, run, "someone/talk", at="duo/")
    shard = next(name for name in manifest_of(run)["files"] if name.startswith("data/"))
    for name in (f"hf://datasets/someone/talk/duo/{shard}", f"someone/talk@{commit}/duo"):
        shown = publisher.run("show", name, "-n", "1", token=None)
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout
    assert not list(publisher.home.rglob("README.md"))
    nothing = publisher.run("stats", "someone/talk", token=None)
    assert nothing.returncode == 2
    assert "someone/talk/duo" in nothing.stderr


def test_what_is_not_there(publisher: Publisher) -> None:
    """A name that is nowhere is one line; a path that is not here is not looked for there."""
    missing = publisher.run("show", "no/where", token=None)
    assert missing.returncode == 2
    assert missing.stderr.startswith("error: there is no no/where here")
    assert len(missing.stderr.splitlines()) == 1
    asked = len(publisher.hub.stats()["log"])
    here = publisher.run("show", "tests/none")
    assert here.returncode == 2
    assert "there is no tests/none" in here.stderr
    assert len(publisher.hub.stats()["log"]) == asked
