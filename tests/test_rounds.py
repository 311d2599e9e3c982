"""Builds whose texts a model writes, against a server with faults on this machine."""

import gc
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.block_report import BlockReport
from duplexdata.pipeline.commands import run_build, run_cache, run_estimate, run_explain
from duplexdata.pipeline.errors import (
    BudgetReached,
    BuildError,
    DuplexdataError,
    InputError,
    RecipeError,
)
from duplexdata.pipeline.finished import Pass1, checked_counts
from duplexdata.pipeline.generate.asking import Usage
from duplexdata.pipeline.generate.database import store_path
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.generate.store import Replies, Store
from duplexdata.pipeline.progress import Progress
from duplexdata.pipeline.validate import validate

from .conftest import ROOT, manifest_of, rows_of
from .generate.asked import reply, request
from .loopback import Loopback, serve
from .test_resume import digests

Run = Callable[..., subprocess.CompletedProcess[str]]

KEY = "sk-loopback-0123456789"
FAULTS = {
    "faults": 0.3,
    "transport_faults": 0.1,
    "only_transport_faults": "limited_bare,error_500,error_503,dropped",
    "retry_after": 0.1,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    """A server that wants a key."""
    with serve(api_key=KEY, **FAULTS) as running:
        yield running


@pytest.fixture
def faulty(server: Loopback) -> Loopback:
    """The server with its faults, its counts at naught."""
    server.reset()
    server.config(latency=0.0, **FAULTS)
    return server


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """With a store of its own and the right key."""
    own = {"DUPLEXDATA_CACHE": str(tmp_path / "cache"), "OPENAI_API_KEY": KEY}
    return {**os.environ, **own, **more}


def command(server: Loopback, out: Path, *more: str | Path) -> list[str | Path]:
    """A DUO build that asks the server."""
    return [
        *("build", "--format", "duo", "--source", "sample", "--limit", "40", "--llm", "openai"),
        *("--model", "fake-small", "--base-url", server.base_url, "--out", out, *more),
    ]


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """What a command said, having ended as it should."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr + done.stdout
    return done.stderr


def test_faults_end_in_valid_rows_and_nothing_is_asked_twice(
    faulty: Loopback, duplexdata: Run, tmp_path: Path
) -> None:
    """A mix of 30%: every row valid, every reply counted, no paid one asked for again."""
    out, env = tmp_path / "out", environment(tmp_path)
    told(duplexdata(*command(faulty, out), env=env))
    proved = duplexdata("validate", out, "--source", "sample", env=env)
    assert proved.returncode == 0, proved.stdout
    counts = manifest_of(out)["counts"]
    stats = faulty.stats()
    assert stats["repeated"] == 0
    assert sum(counts["refused"].values()) > 30
    assert {"fuse/fake-small", "fuse/offline"} <= counts["replies"].keys()
    origins: dict[str, int] = {}
    for row in rows_of(out):
        for one in row["utterances"]:
            if one["kind"] == "statement":
                origins[one["origin"]] = origins.get(one["origin"], 0) + 1
        assert row["generator"] in counts["generators"]
    assert origins == {
        name.partition("/")[2]: count
        for name, count in counts["replies"].items()
        if name.startswith("statement/")
    }
    used = json.loads((out / "run.json").read_text("utf-8"))["usage"]
    assert used["replies"] == stats["paid"]

    # The file of replies holds them all without what SQLite keeps beside it.
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "cache" / "replies.sqlite3", tmp_path / "copy")
    shown = duplexdata("cache", "show", "--cache", tmp_path / "copy", env=env).stdout
    assert shown.splitlines()[0].endswith(f": {stats['paid']:,} replies")

    # With all replies stored: no key, no server, the same bytes.
    again = command(faulty, tmp_path / "again", "--workers", "1")
    told(duplexdata(*again, env=environment(tmp_path, OPENAI_API_KEY="")))
    assert digests(tmp_path / "again") == digests(out)
    assert faulty.stats()["requests"] == stats["requests"]

    # The replies of the run travel as a file, and rebuild it elsewhere.
    file, elsewhere = tmp_path / "replies.parquet", {"DUPLEXDATA_CACHE": str(tmp_path / "new")}
    told(duplexdata("cache", "export", file, "--run", out, env=env))
    imported = duplexdata("cache", "import", file, env={**env, **elsewhere})
    told(imported)
    assert imported.stdout.startswith(f"{stats['paid']:,} replies added")
    rebuilt = command(faulty, tmp_path / "rebuilt")
    told(duplexdata(*rebuilt, env={**env, **elsewhere, "OPENAI_API_KEY": ""}))
    assert digests(tmp_path / "rebuilt") == digests(out)
    for held in (tmp_path / "cache").iterdir():
        assert KEY.encode() not in held.read_bytes()


def stored(env: Mapping[str, str]) -> int:
    """How many replies the store of an environment holds."""
    store = sqlite3.connect(store_path(Path(env["DUPLEXDATA_CACHE"])))
    (count,) = store.execute("SELECT count(*) FROM replies").fetchone()
    store.close()
    return int(count)


def test_killed_and_resumed_it_has_the_bytes_of_a_run_never_killed(
    faulty: Loopback, duplexdata: Run, tmp_path: Path
) -> None:
    """SIGKILL at several moments; of what was paid for only that in flight is asked again."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("block_rows = 20\n")
    arguments = command(faulty, tmp_path / "out", "--config", recipe, "--max-in-flight", "16")
    process = [sys.executable, "-m", "duplexdata", *map(str, arguments)]
    env = environment(tmp_path)
    for moment in (30, 150):
        with subprocess.Popen(process, env=env, stderr=subprocess.PIPE) as running:
            faulty.wait("paid", moment, running)
            running.send_signal(signal.SIGKILL)
    told(duplexdata(*arguments, env=env))
    paid = faulty.stats()["paid"]
    assert paid - stored(env) <= 2 * 16  # what was in flight at each kill
    never = command(faulty, tmp_path / "never", "--config", recipe)
    told(duplexdata(*never, env=environment(tmp_path / "other")))
    assert digests(tmp_path / "out") == digests(tmp_path / "never")


@pytest.mark.parametrize(
    ("more", "env", "code", "words"),
    [
        ((), {"OPENAI_API_KEY": "sk-wrong-0123456789"}, 2, "401"),
        (("--model", "missing"), {}, 2, "404"),
        (("--max-requests", "30"), {}, 1, "--max-requests 30 is reached"),
        (("--max-cost", "0.01", "--price-in", "1"), {}, 1, "--max-cost 0.01 is reached"),
    ],
)
def test_a_run_that_cannot_go_on_stops_at_once(
    more: tuple[str, ...],
    env: Mapping[str, str],
    code: int,
    words: str,
    faulty: Loopback,
    duplexdata: Run,
    tmp_path: Path,
) -> None:
    """With the server's own words, or how to go on; it does not burn through the rows."""
    faulty.config(transport_faults=0.0)
    done = duplexdata(*command(faulty, tmp_path / "out", *more), env=environment(tmp_path, **env))
    said = told(done, code)
    assert words in said
    assert ("go on with: duplexdata build" in said) == (code == 1)
    assert faulty.stats()["requests"] <= 50


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_ctrl_c_keeps_what_came(
    name: str, faulty: Loopback, duplexdata: Run, tmp_path: Path
) -> None:
    """It ends while requests hang, says how to go on, and what came is found again.

    So does a build whose terminal is closed, or the connection to it lost.
    """
    faulty.config(transport_faults=0.0)
    arguments = command(faulty, tmp_path / "out", "--max-in-flight", "32")
    process = [sys.executable, "-m", "duplexdata", *map(str, arguments)]
    env = environment(tmp_path)
    with subprocess.Popen(
        process, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        faulty.wait("paid", 50, running)
        faulty.config(latency=600.0)
        faulty.wait("in_flight", 16, running)
        os.killpg(running.pid, getattr(signal, name))
        said = running.communicate()[1]
    assert running.returncode == 1
    assert "go on with: duplexdata build" in said
    assert "Traceback" not in said
    came = stored(env)
    assert came == faulty.stats()["paid"] >= 50
    faulty.config(latency=0.0)
    told(duplexdata(*arguments, env=env))
    assert stored(env) == faulty.stats()["paid"] > came  # none that came was paid for again


def dialogues(count: int, *, chinese: bool = False) -> list[dict[str, Any]]:
    """Rows of two rounds, each with a number of its own."""
    if chinese:
        asked, answer = (
            "第{}家酒店多少钱一晚？含早餐吗？",
            "这家酒店在河边，房间很安静，早餐也不错。" * 5,
        )
        then = "那第{}家呢，离车站远不远？"
    else:
        asked, answer = "How much is hotel {} a night?", "It lies by the river, and is quiet. " * 9
        then = "And hotel {}, is it far from the station?"
    return [
        {"id": str(n), "data": [asked.format(n), answer, then.format(n + 1), answer[:60]]}
        for n in range(count)
    ]


def write(tmp_path: Path, rows: list[dict[str, Any]]) -> Path:
    """A source file."""
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture
def here(faulty: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Builds in this process, with workers of its own, a store of its own and the right key."""
    monkeypatch.setenv("DUPLEXDATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    faulty.config(faults=0.0, transport_faults=0.0, filtered="", status=0)

    def build(
        out: str = "out",
        *,
        retry_failed: bool = False,
        limits: Mapping[str, Any] | None = None,
        **knobs: Any,
    ) -> Path:
        return Path(
            run_build(
                recipe(faulty, **knobs),
                config=None,
                out=tmp_path / out,
                workers=1,
                engine="local",
                overwrite=False,
                retry_failed=retry_failed,
                limits=limits,
            )
        )

    return build


def recipe(server: Loopback, **knobs: Any) -> dict[str, Any]:
    """The flags of a small DUO build that asks the server."""
    asked = {"llm": "openai", "model": "fake-small", "base_url": server.base_url}
    return {"format": "duo", "source": ["sample"], "limit": 12, **asked, **knobs}


def test_chinese(here: Callable[..., Path], tmp_path: Path) -> None:
    """Chinese dialogues are asked for in Chinese, and their texts are."""
    source = str(write(tmp_path, dialogues(20, chinese=True)))
    out = here(source=[source], limit=20, rates="generation_termination=1")
    assert not validate(out, sources=[source]).breaches
    counts = manifest_of(out)["counts"]
    assert counts["languages"] == {"zh": 20}
    assert not counts["refused"]
    assert counts["replies"]["statement/fake-small"] > 5


FUSED: dict[str, Any] = {
    "rates": "generation_termination=1",
    "statements": 0.0,
    "stop_share": 0.0,
    "bare_share": 0.0,
}
"""Rows with one ask each: to fuse a message with its transition."""


def test_what_failed_is_taken_up_again_alone(
    faulty: Loopback, here: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finished run stays finished, unless requests failed and --retry-failed is given."""
    source = str(write(tmp_path, dialogues(12)))
    asked = {"source": [source], **FUSED}
    faulty.config(filtered="hotel 7")
    out = here(**asked)
    left_out = manifest_of(out)["counts"]["left_out"]
    assert left_out == {"request_failed": {"generation_termination": 1}}
    assert len(rows_of(out)) == 11
    paid, finished = faulty.stats()["paid"], digests(out)
    assert "1 for failed requests, which --retry-failed asks again" in capsys.readouterr().err
    here(**asked)
    assert "already finished" in capsys.readouterr().err
    here(**asked, retry_failed=True)  # it fails again
    assert (faulty.stats()["paid"], digests(out)) == (paid, finished)
    faulty.config(filtered="")
    here(**asked, retry_failed=True)
    assert faulty.stats()["paid"] == paid + 1
    assert not manifest_of(out)["counts"]["left_out"]
    assert not capsys.readouterr().err.splitlines()[-1].endswith("again")
    assert digests(out) == digests(here("whole", **asked))


@pytest.mark.parametrize(("reason", "may_succeed"), [("request_failed", True), ("too_long", False)])
def test_a_run_without_a_row_may_go_on_where_requests_failed(
    reason: str, may_succeed: bool
) -> None:
    """What a server could not answer it may answer later; else the same command fails again."""
    found = Pass1({"source_rows": 1, "kept": 1}, [], [])
    left_out = [["talk.jsonl", 1, 1, "talk:1", "regeneration", reason]]
    report = BlockReport(0, "", None, {"regeneration": 1}, {}, {}, left_out, [])
    with pytest.raises(BuildError, match=rf"^no row .* once .* as {reason} \(") as told:
        checked_counts(found, [report], 0)
    assert told.value.can_go_on == may_succeed


def test_what_a_run_used_is_the_sum_of_its_processes(
    faulty: Loopback, here: Callable[..., Path], tmp_path: Path
) -> None:
    """Stopped at a budget and gone on with; and what its failures took, taken up again."""
    source = str(write(tmp_path, dialogues(12)))
    asked = {"source": [source], **FUSED}
    faulty.config(filtered="hotel 7")
    prices = {"price_in": 10.0, "price_out": 20.0}
    for most in (3, 4):
        with pytest.raises(BudgetReached):
            here(limits={**prices, "max_requests": most}, **asked)
    for retry_failed in (False, True):
        out = here(limits=prices, retry_failed=retry_failed, **asked)
        told, stats = json.loads((out / "run.json").read_text("utf-8")), faulty.stats()
        assert told["usage"]["requests"] == stats["requests"]
        assert told["usage"]["replies"] == stats["paid"]
        assert told["usage"]["tokens_in"] == stats["prompt_tokens"]
        paid = stats["prompt_tokens"] * 10 + stats["completion_tokens"] * 20
        assert told["cost"] == pytest.approx(paid / 1e6)
    with pytest.raises(BudgetReached):
        here("other", limits={"max_requests": 1}, **{**asked, "seed": 1})
    other = here("other", **{**asked, "seed": 2})  # of the first recipe nothing is left there
    used = json.loads((other / "run.json").read_text("utf-8"))["usage"]
    assert used["requests"] == faulty.stats()["requests"] - stats["requests"] - 1


def test_a_row_that_is_left_out_wants_nothing_any_more(
    faulty: Loopback, here: Callable[..., Path], tmp_path: Path
) -> None:
    """One of its asks failed while another was still open: the rows after it are built."""
    rows = dialogues(12)
    for row in rows[::3]:
        row["data"][1] = "The penguins next door are loud. " * 9
    faulty.config(filtered="penguins", faults=1.0, only_faults="lost_words")
    rates = {"rates": "regeneration=1", "statements": 0.0, "tries": 2}
    out = here(source=[str(write(tmp_path, rows))], **rates)
    left_out = manifest_of(out)["counts"]["left_out"]
    assert left_out["request_failed"] == {"regeneration": 4}
    assert len(rows_of(out)) == 8


def test_what_is_tried_again_is_shown_before_it_succeeds(
    faulty: Loopback, here: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is down is seen in the progress of a build, though nothing else happens."""
    faulty.config(status=503)
    shown = Progress.used

    def used(progress: Progress, usage: Usage) -> None:
        shown(progress, usage)
        if usage.retries:
            faulty.config(status=0)

    monkeypatch.setattr(Progress, "used", used)
    up_at_last = threading.Timer(60, lambda: faulty.config(status=0))
    up_at_last.start()
    try:
        here()
        assert up_at_last.is_alive()
    finally:
        up_at_last.cancel()


def test_cycles_are_looked_for_after_each_block(here: Callable[..., Path]) -> None:
    """In the process that asks, too: a failed request leaves some, and there may be millions."""
    looks: list[str] = []

    def look(phase: str, _: Mapping[str, int]) -> None:
        if not gc.isenabled():
            looks.append(phase)

    gc.callbacks.append(look)
    try:
        here(block_rows=2, samples=0)
    finally:
        gc.callbacks.remove(look)
    assert looks.count("start") >= 6


def test_a_retry_that_builds_nothing_leaves_the_run_finished(
    faulty: Loopback, here: Callable[..., Path], tmp_path: Path
) -> None:
    """The rows that there are stay, whatever stops it before it has others."""
    source = str(write(tmp_path, dialogues(12)))
    asked = {"source": [source], **FUSED}
    faulty.config(filtered="hotel 7")
    out = here(**asked)
    there = {one: one.read_bytes() for one in out.rglob("*") if one.is_file()}
    faulty.config(filtered="", status=401)
    with pytest.raises(DuplexdataError, match="401"):
        here(**asked, retry_failed=True)
    assert {one: one.read_bytes() for one in out.rglob("*") if one.is_file()} == there


@pytest.mark.parametrize("critic", [False, True])
def test_estimate_counts_what_a_build_then_asks(
    critic: bool, faulty: Loopback, here: Callable[..., Path]
) -> None:
    """The asks of each kind, beforehand to be asked, afterwards stored."""
    before = estimated(faulty, critic=critic)
    assert faulty.stats()["requests"] == 0
    here(critic=critic)
    stats = faulty.stats()
    assert (stats["kinds"].get("critique", 0) > 0) is critic
    assert before["all"][:2] == (0, stats["requests"])
    assert before["all"][2] == pytest.approx(stats["prompt_tokens"], rel=0.1)
    assert estimated(faulty, critic=critic)["all"][:2] == (stats["requests"], 0)
    with pytest.raises(RecipeError, match="--llm openai"):
        estimated(faulty, llm="offline")


def estimated(server: Loopback, **knobs: Any) -> dict[str, tuple[int, ...]]:
    """The numbers of the estimate by the first column."""
    said = run_estimate(
        recipe(server, **knobs), config=None, workers=1, engine="local", asking={}, limits={}
    )
    lines = [line.replace(",", "").split() for line in said]
    return {line[0]: tuple(map(int, line[1:])) for line in lines if line[1:2] and line[1].isdigit()}


def test_explain_tells_all_that_made_a_row(faulty: Loopback, here: Callable[..., Path]) -> None:
    """Dialogue, chance, prompt, raw reply, why one was refused, script and slices."""
    faulty.config(faults=0.6)
    out = here()
    everything = ""
    for row in rows_of(out):
        if row["type"] not in {"regeneration", "back_on_topic"}:
            continue
        said = "\n".join(run_explain(out, row["id"], cache=None, workers=1, engine="local"))
        for part in ("chance: seed 0", "ask 1: ", "system: ", "raw reply: ", "script: "):
            assert part in said, part
        for one in row["utterances"]:
            assert f" {one['kind']} " in said
        everything += said
    assert "refused: " in everything
    with pytest.raises(InputError):
        list(run_explain(out, "regeneration-0", cache=None, workers=1, engine="local"))


def test_explain_shows_nothing_that_a_terminal_acts_on(
    here: Callable[..., Path], tmp_path: Path
) -> None:
    """Escapes and turned text in a source stand there escaped, in the dialogue and its slices."""
    source = tmp_path / "rows.jsonl"
    turns = ["Clear\x1b[2J it?", "Done\u202e now.\r\nNext\u2028line."]
    source.write_text(json.dumps({"id": "1", "data": turns}) + "\n", "utf-8")
    out = here(source=[str(source)], rates="uninterrupted=1", statements=0, llm="offline")
    (row,) = rows_of(out)
    told = list(run_explain(out, row["id"], cache=None, workers=1, engine="local"))
    assert all(line.isprintable() for line in told)
    assert "  user: Clear\\x1b[2J it?" in told
    assert told[told.index("  assistant: Done\\u202e now.") + 1] == "  Next\\u2028line."


def test_the_fake_engine_needs_no_server(
    here: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--llm fake says so in every text that it wrote, and keeps its replies apart."""
    monkeypatch.delenv("OPENAI_API_KEY")
    out = here(format="tdm", llm="fake", fake_faults=0.3, max_tokens=600, statements=0.5)
    assert not validate(out, sources=[]).breaches
    manifest = manifest_of(out)
    assert set(manifest["counts"]["generators"]) <= {"fake", "fake+offline", "offline", "source"}
    assert manifest["recipe"]["fake_faults"] == 0.3
    assert sorted(manifest["prompts"]["en"]) == sorted(
        ["again", "answer", "aside", "critique", "fuse", "statement"]
    )
    assert [one.name for one in (tmp_path / "cache").glob("*.sqlite3")] == ["fake.sqlite3"]


def test_prompts_are_in_the_package() -> None:
    """Each kind of ask has its file in each language, and its reply a schema."""
    for kind in ("fuse", "answer", "aside", "statement", "critique"):
        assert (ROOT / "schemas" / f"reply_{kind}.json").is_file()
        for language in ("en", "zh"):
            assert (ROOT / "prompts" / language / f"{kind}.txt").is_file()


def test_a_store_that_is_not_there_yet_is_shown(tmp_path: Path) -> None:
    """`cache show` before anything was asked says where replies will be kept, and makes nothing."""
    said = run_cache(
        "show",
        tmp_path / "cache",
        fake=False,
        file=None,
        run=None,
        model=None,
        older_than=None,
        workers=1,
        engine="local",
    )
    assert list(said) == [f"{tmp_path / 'cache' / 'replies.sqlite3'}: 0 replies"]
    assert not (tmp_path / "cache" / "replies.sqlite3").exists()


@pytest.mark.parametrize("days", [-1.0, float("nan")])
def test_an_age_that_cannot_be_forgets_nothing(days: float, tmp_path: Path) -> None:
    """Less than no time, or no number, would be the age of every reply."""
    path = store_path(tmp_path)
    with closing(Store(path)) as store:
        store.put(request(1), reply("kept"), Tokens(1, 1))
    said = run_cache(
        "prune",
        tmp_path,
        fake=False,
        file=None,
        run=None,
        model=None,
        older_than=days,
        workers=1,
        engine="local",
    )
    with pytest.raises(RecipeError, match=r"--older-than .* give a number of days"):
        list(said)
    with Replies(path) as replies:
        assert not replies.missing([request(1).key])
