"""Workers that begin before a build knows its recipe, and what they then say."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline import ahead
from duplexdata.pipeline.errors import TokenizerError
from duplexdata.pipeline.materials import load_materials, material_facts
from duplexdata.pipeline.recipe import Recipe

from .conftest import ROOT, file_of

PROMPTS = ROOT / "prompts" / "en"
Run = Callable[..., subprocess.CompletedProcess[str]]
Begun = list[Sequence[Any]]

DEFAULTS = ["cl100k_base", {}, {}]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """What processes were begun with."""
    found: Begun = []
    monkeypatch.setattr(ahead, "start_server", lambda _, names: found.append(list(names)))
    return found


def test_only_what_takes_long_begins_workers(begun: Begun, tmp_path: Path) -> None:
    """Two megabytes, with two workers or more; or any build that asks a model."""
    little, large = (str(file_of(size, tmp_path)) for size in (1_999_999, 2_000_001))
    for source, llm, workers, takes in [
        (little, "offline", 2, False),
        (large, "offline", 1, False),
        (large, "offline", 2, True),
        (little, "fake", 1, True),
        ("no/such/file.jsonl", "offline", 2, False),
    ]:
        before = len(begun)
        recipe = Recipe("tdm", source=(source,), llm=llm)
        assert ahead.begin_workers(recipe, workers) is takes
        assert len(begun) == before + takes


def test_the_guess_is_what_flags_and_file_say(begun: Begun, tmp_path: Path) -> None:
    """A flag wins over the file; a mixture's sources count together."""
    large = str(file_of(2_000_001, tmp_path))
    half = str(file_of(1_500_000, tmp_path))
    config = tmp_path / "recipe.toml"
    config.write_text(f"tokenizer = 'o200k_base'\nsource = ['{large}']\n")
    ahead.guess_workers({}, config, 2)
    ahead.guess_workers({"tokenizer": "p50k_base"}, config, 2)
    ahead.guess_workers({"source": [half]}, config, 2)
    config.write_text(f"[[sources]]\npath = '{half}'\n[[sources]]\npath = '{half}'\n")
    ahead.guess_workers({"transitions": {"en": "own.toml"}}, config, 2)
    assert begun == [
        ["o200k_base", {}, {}],
        ["p50k_base", {}, {}],
        ["cl100k_base", {"en": "own.toml"}, {}],
    ]


@pytest.mark.parametrize("text", ["source = 3", "sources = 'x'", "tokenizer = [", "limit = 'x'"])
def test_a_guess_at_a_wrong_recipe_is_none(text: str, begun: Begun, tmp_path: Path) -> None:
    """What is wrong is told where the recipe is made."""
    config = tmp_path / "recipe.toml"
    config.write_text(text)
    ahead.guess_workers({}, config, 2)
    ahead.guess_workers({}, tmp_path / "none.toml", 2)
    assert begun == [DEFAULTS] * len(begun)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--tokenizer", "no_such"), "no tokenizer called no_such"),
        (("--config", "none.toml"), "there is no recipe"),
        (("--rates", "uninterrupted=2"), "rates"),
    ],
)
def test_what_is_wrong_is_told_all_the_same(
    flags: Sequence[str], said: str, tmp_path: Path, duplexdata: Run
) -> None:
    """A build whose workers began says what any build says, and makes no folder."""
    source = file_of(2_000_001, tmp_path)
    out = tmp_path / "out"
    ended = duplexdata("build", "--format", "tdm", "--source", source, "--out", out, *flags)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not out.exists()


WRONG = """
import sys
from duplexdata.__main__ import main
from duplexdata.pipeline.ahead import begin_workers
from duplexdata.pipeline.recipe import Recipe
source, own, *sys.argv = sys.argv[1:]
assert begin_workers(Recipe("tdm", source=(source,), transitions={"en": own}), 2)
main()
"""


def test_workers_that_began_with_other_materials_use_the_right_ones(tmp_path: Path) -> None:
    """A wrong guess costs time and nothing else: the folder is the one of one process."""
    source = file_of(2_000_001, tmp_path)
    own = tmp_path / "own.toml"
    own.write_text((PROMPTS / "transitions.toml").read_text("utf-8") + "\n# another\n")
    command: list[str | Path] = [
        "duplexdata",
        "build",
        "--format",
        "tdm",
        "--source",
        source,
        "--out",
    ]
    begins: dict[str, list[str | Path]] = {"one": ["-m"], "two": ["-c", WRONG, source, own]}
    for number, (name, begin) in enumerate(begins.items(), start=1):
        ended = subprocess.run(
            [sys.executable, *begin, *command, tmp_path / name, "--workers", str(number)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "one" / "manifest.json").read_bytes() == (
        tmp_path / "two" / "manifest.json"
    ).read_bytes()


def test_a_file_that_changed_is_loaded_again(tmp_path: Path) -> None:
    """A process that builds again and again sees what became of a user's own file."""
    own = tmp_path / "en.toml"
    shipped = (PROMPTS / "transitions.toml").read_text("utf-8")
    own.write_text(shipped)
    recipe = Recipe("tdm", transitions={"en": str(own)})
    before = material_facts(recipe)
    assert material_facts(recipe) == before
    own.write_text(shipped + "\n# another\n")
    longer = material_facts(recipe)
    assert longer.fingerprints != before.fingerprints
    own.write_text(shipped + "\n# as_long\n")
    os.utime(own, ns=(0, own.stat().st_mtime_ns + 1))  # also where clocks are coarse
    assert material_facts(recipe).fingerprints != longer.fingerprints
    with pytest.raises(TokenizerError):
        load_materials("no_such", {}, {})


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise")
def test_ctrl_c_while_a_tokenizer_is_waited_for(tmp_path: Path) -> None:
    """A network that swallows all holds nobody up: every process of the command ends."""
    command = ("build", "--format", "tdm", "--tokenizer", "o200k_base", "--workers", "2")
    places = ("--source", file_of(2_000_001, tmp_path), "--out", tmp_path / "out")
    with socket.create_server(("127.0.0.1", 0)) as hole:
        hole.settimeout(60)
        environment = {
            **{key: held for key, held in os.environ.items() if not key.lower().endswith("_proxy")},
            "HTTPS_PROXY": f"http://127.0.0.1:{hole.getsockname()[1]}",
            "TIKTOKEN_CACHE_DIR": str(tmp_path / "none"),
        }
        build = subprocess.Popen(
            [sys.executable, "-m", "duplexdata", *command, *places],
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with build, hole.accept()[0]:  # somebody waits for an answer now
            build.send_signal(signal.SIGINT)
            # Who still runs would hold this end of the pipe open.
            said = build.communicate(timeout=30)[1]
    assert build.returncode == 1
    assert "stopped; " in said
    assert "Traceback" not in said
