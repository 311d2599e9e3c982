"""The command line itself."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main

from duplexdata import __version__
from duplexdata.cli import app
from duplexdata.pipeline.engine import ENGINES
from duplexdata.pipeline.export import FORMATS
from duplexdata.pipeline.generate import WRITERS
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.language import LANGUAGES
from duplexdata.pipeline.load.layouts import LAYOUTS

from .conftest import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]
GROUP = typer.main.get_group(app)
COMMANDS = sorted(GROUP.commands)

# What takes long to import; help must not wait for any of it.
HEAVY = {
    "datasets",
    "huggingface_hub",
    "jsonschema",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "rich",
    "rjieba",
    "sentencepiece",
    "tiktoken",
    "tokenizers",
}


def test_help_imports_nothing_heavy() -> None:
    """`duplexdata --help` answers at once: it imports typer and little else."""
    script = (
        "import json, sys\n"
        "from duplexdata.__main__ import main\n"
        "sys.argv = ['duplexdata', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Usage" in done.stdout
    imported = set(json.loads(done.stderr))
    assert not HEAVY & imported
    assert len(imported) < 350


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, duplexdata: Run) -> None:
    """Each command's help says what it does and shows a command that can be run."""
    shown = duplexdata(command, "--help").stdout
    assert f"Example: duplexdata {command} " in shown
    assert len(shown.splitlines()[2].strip()) > 20


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_has_help(command: str) -> None:
    """No flag is left unexplained."""
    for parameter in GROUP.commands[command].params:
        assert getattr(parameter, "help", "shown by typer"), parameter.name


def test_version(duplexdata: Run) -> None:
    """--version prints the version."""
    assert duplexdata("--version").stdout == f"duplexdata {__version__}\n"


def test_schema_names_what_the_registries_hold() -> None:
    """What a recipe may name is what there is."""
    schema = json.loads((ROOT / "schemas" / "recipe.json").read_text("utf-8"))["properties"]
    assert schema["format"]["enum"] == list(FORMATS)
    assert schema["llm"]["enum"] == list(WRITERS)
    assert schema["language"]["enum"] == ["auto", *LANGUAGES]
    assert sorted(schema["transitions"]["properties"]) == sorted(LANGUAGES)


@pytest.mark.parametrize("name", [*FORMATS, *LAYOUTS, *WRITERS, *ENGINES, *TYPES])
def test_help_of_build_names_every_choice(name: str, duplexdata: Run) -> None:
    """A user finds every choice in the help."""
    assert name in duplexdata("build", "--help").stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--client", "foo"), "--client foo: it must be one of openai, aiohttp"),
        (("--push", "notaname"), "'notaname' is no repository: give owner/name"),
        (("--model", "m"), "--model: no model is asked with --llm offline; add --llm openai"),
    ],
)
def test_a_flag_that_cannot_be_is_told_before_anything_is_built(
    flags: tuple[str, ...], told: str, duplexdata: Run, tmp_path: Path
) -> None:
    """Also one that this build would not need, or not before its end."""
    out = tmp_path / "out"
    done = duplexdata("build", "--format", "tdm", "--source", "sample", "--out", out, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {told}\n"
    assert not out.exists()


def test_a_stage_that_asks_nobody_knows_its_clients(duplexdata: Run, tmp_path: Path) -> None:
    """A client that there is not is told, as build tells it."""
    done = duplexdata("interrupt", tmp_path, "--client", "foo", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --client foo: it must be one of openai, aiohttp")


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_an_encoding_that_lacks_letters(encoding: str, duplexdata: Run) -> None:
    """What a file is written in elsewhere; the recipe is one all the same."""
    done = duplexdata("recipe", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    usual = tomllib.loads(duplexdata("recipe").stdout)
    assert tomllib.loads(done.stdout) == usual


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device")
@pytest.mark.parametrize(
    "command", ["recipe", "build --format tdm --source sample --limit 2 --quiet --out made"]
)
def test_standard_output_to_a_full_disk(command: str, tmp_path: Path) -> None:
    """It is told in two lines, and is no bug."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "duplexdata", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=tmp_path,
        )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "disk" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
