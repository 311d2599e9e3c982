"""Every command that README and docs show can be run as it stands there.

What cannot (it sets up, or needs data that is not here) has a comment over it that says why:
`<!-- not run: ... -->`.
"""

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers
import typer.testing

from duplexdata.cli import app

from .conftest import ROOT
from .load.hub_files import ULTRACHAT, dialogues, put_dataset, ultrachat
from .loopback import Loopback, serve
from .loopback.hub import Hub, serve_hub

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(<!-- not run: [^>]+ -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:duplexdata|pip|python|pytest|hf|git) .*$|^pytest\b.*$", re.MULTILINE)
EXAMPLE = re.compile(r"^  Example: (duplexdata .*)$", re.MULTILINE)
IN_ORDER = ("build", "load", "interrupt", "distract", "slice", "export")


def commands_of(page: Path) -> list[str]:
    """The commands that a page shows, but for those that it says are not run."""
    text = page.read_text("utf-8")
    found = [
        command
        for marked, language, block in FENCE.findall(text)
        if not marked and not language
        for command in COMMAND.findall(block)
    ]
    examples: list[str] = EXAMPLE.findall(text)
    # A reference is sorted by name; what a command reads another wrote before.
    rank = {name: number for number, name in enumerate(IN_ORDER)}
    return found + sorted(examples, key=lambda one: rank.get(one.split()[1], len(rank)))


SHOWN = {page: commands for page in PAGES if (commands := commands_of(page))}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the examples take for granted."""
    here = tmp_path_factory.mktemp("docs")
    sample = ROOT / "pipeline" / "load" / "sample" / "sample.jsonl"
    lines = sample.read_text("utf-8").splitlines(keepends=True)
    (here / "dialogues.jsonl").write_text("".join(lines[::3]), encoding="utf-8")
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    model.train_from_iterator(lines, trainer)
    (here / "models" / "minicpm-duplex").mkdir(parents=True)
    model.save(str(here / "models" / "minicpm-duplex" / "tokenizer.json"))
    for row_format, source, names in (
        ("tdm", "sample", ("sample",)),
        ("tdm", "dialogues.jsonl", ("a", "before", "tdm")),
        ("duo", "dialogues.jsonl", ("duo", "after")),
    ):
        first, *others = (here / "outputs" / name for name in names)
        with contextlib.chdir(here):
            run(["build", "--format", row_format, "--source", source, "--out", str(first)])
            run(["validate", str(first)])
        for other in others:
            shutil.copytree(first, other)
    rows = pq.read_table(here / "outputs" / "a" / "data").slice(0, 9).to_pylist()
    released = "".join(json.dumps({"output": row["output"]}) + "\n" for row in rows)
    (here / "regeneration_eng.jsonl").write_text(released, encoding="utf-8")
    return here


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub of one's own."""
    with serve_hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
def server() -> Iterator[Loopback]:
    """A server that stands in for OpenAI's."""
    with serve(api_key="sk-docs") as running:
        yield running


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_commands_run(
    page: Path,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Each command of a page succeeds, one after the other."""
    here = tmp_path / "here"
    shutil.copytree(prepared, here)
    if page.name == "README.md":
        shutil.rmtree(here / "outputs")  # it makes what it shows
    monkeypatch.chdir(here)
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    if any("--llm openai" in command for command in SHOWN[page]):
        asked: Loopback = request.getfixturevalue("server")
        monkeypatch.setenv("OPENAI_BASE_URL", asked.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-docs")
    env = None
    if any(map(on_hub, SHOWN[page])):
        served: Hub = request.getfixturevalue("hub")
        env = served.environment(tmp_path / "home")
        put_dataset(served.folder, ULTRACHAT, ultrachat())
        if any("owner/name@" in command for command in SHOWN[page] if "build" in command):
            put_chats(served.folder, "someone/name")
        elif any("@v1" in command for command in SHOWN[page]):
            run_apart(
                ["push", "outputs/before", "owner/name", "--revision", "v1", "--license", "mit"],
                env,
            )
    for command in SHOWN[page]:
        name, *arguments = shlex.split(command, comments=True)
        assert name == "duplexdata", f"{page.name}: {command}: say over it why it is not run"
        if env and on_hub(command):
            run_apart(arguments, env)
            continue
        if ">" in arguments:
            Path(arguments[-1]).write_text(run(arguments[:-2]), encoding="utf-8")
        else:
            run(arguments)


def on_hub(command: str) -> bool:
    """Whether a command speaks to the Hub; a build's default source is there."""
    words = shlex.split(command, comments=True)
    named = any("owner/name" in word or word == "ultrachat" for word in words)
    return named or (words[1] == "build" and not {"--source", "--config"} & set(words))


def put_chats(folder: Path, name: str) -> None:
    """A dataset of chats, which the pages read at three revisions."""
    rows = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(dialogues(100, 8)), rows)
    for ref in ("main", "v1.0", "revision"):
        put_dataset(folder, name, {"data/train-00000.parquet": rows.getvalue()}, ref=ref)


def run(arguments: list[str]) -> str:
    """Runs a command in this process, which has imported all that it needs."""
    done = typer.testing.CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def run_apart(arguments: list[str], env: dict[str, str]) -> None:
    """Runs a command in a process of its own, with a Hub on which `someone` may write."""
    mine = [one.replace("owner/name", "someone/name") for one in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "duplexdata", *mine],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"


def test_most_commands_are_run() -> None:
    """The pages that show commands are found, and so are the commands in them."""
    assert {"README", "recipe", "stages", "stats", "publish", "commands", "llm"} <= {
        page.stem for page in SHOWN
    }
    assert sum(map(len, SHOWN.values())) > 40
