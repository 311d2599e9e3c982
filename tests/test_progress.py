"""What a build says of how far it is."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from duplexdata.pipeline.generate.asking import Usage
from duplexdata.pipeline.generate.request import Tokens
from duplexdata.pipeline.progress import Progress, Sources, duration
from duplexdata.pipeline.screen import Level, Screen

Run = Callable[..., CompletedProcess[str]]

TYPES = ("uninterrupted", "topic_interweaving", "generation_termination", "regeneration")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It says so."""
        return True


@dataclass
class Watched:
    """A build's progress, with a clock and sources that stand still until they are moved."""

    stream: io.StringIO = field(default_factory=io.StringIO)
    level: Level = Level.NORMAL
    now: float = 100.0
    sources: Sources = field(default_factory=lambda: Sources(0, 0, 0, 0.0))
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        """Begins a build."""
        screen = Screen(self.level, self.stream, lambda: self.now)
        self.progress = Progress(screen, lambda: self.sources)
        self.progress.begin("build", "built")

    def said(self) -> list[str]:
        """The lines so far."""
        return self.stream.getvalue().splitlines()


def test_a_log_gets_a_json_line_every_ten_seconds() -> None:
    """However often it looks, and with all that is known."""
    one = Watched()
    one.sources = Sources(rows=500, kept=400, rejected=100, share=0.25)
    one.progress.did(0, 200, {"regeneration": 60, "uninterrupted": 200})
    for tenth in range(1, 251):
        one.now = 100 + tenth / 10
        one.progress.look()
    records = [json.loads(line) for line in one.said()]
    assert [record["seconds"] for record in records] == [10.0, 20.0]
    assert records[1] == {
        "stage": "build",
        "seconds": 20.0,
        "share": 0.125,  # 200 of 1,600: a quarter of the sources held 400
        "seconds_left": 140.0,
        "rows": 260,
        "rows_per_second": 13.0,
        "types": {"regeneration": 60, "uninterrupted": 200},
        "source_rows": 500,
        "sources_read": 0.25,
        "rejected": 100,
        "blocks": 1,
    }


def test_what_a_model_was_asked_is_told() -> None:
    """Requests, replies, failures and the cost so far, in a log and to people."""
    one = Watched()
    assert "usage" not in one.progress.record()
    tokens = Tokens(prompt=3_000_000, completion=1_000_000)
    one.progress.used(
        Usage(
            requests=1200,
            replies=1100,
            stored=7,
            tokens=tokens,
            cost=2.5,
            refusals=30,
            retries=70,
            given_up=2,
            in_flight=64,
            level=80,
        )
    )
    record = one.progress.record()
    assert record["cost"] == 2.5
    assert (record["usage"]["requests"], record["usage"]["failed"]) == (1200, 2)
    told = one.progress.lines()[-1]
    for part in ("asked 1,200", "stored 1,100", "in flight 64 of 80", "back 30", "cost 2.5"):
        assert part in told


def asked(silence: float, trouble: str) -> Usage:
    """Of a model that may be silent."""
    return Usage(5, 4, 3, Tokens(20, 10), 0.0, 0, 1, 0, 1, 16, None, silence, trouble)


def test_a_server_that_is_silent_is_told() -> None:
    """After a while, with the reason, if there is one; a long reason is cut."""
    one = Watched()
    for silence, trouble, told in (
        (9.0, "no way", "pushed back 0"),
        (12.4, "", "pushed back 0; no reply for 12 s"),
        (12.4, "no way", "pushed back 0; no reply for 12 s: no way"),
        (70.0, "x" * 200, f"pushed back 0; no reply for 70 s: {'x' * 120} ..."),
    ):
        one.progress.used(asked(silence, trouble))
        assert one.progress.lines()[-1].endswith(told)
        assert one.progress.record()["silence"] == silence
        assert one.progress.record()["trouble"] == (trouble or None)


def test_nothing_is_guessed_before_a_block_is_done() -> None:
    """No time left and no speed, but how far the sources are read."""
    one = Watched()
    one.sources = Sources(500, 400, 100, 0.25)
    one.now += 5
    told = one.progress.record()
    assert told["share"] is told["seconds_left"] is told["rows_per_second"] is None
    assert one.progress.lines() == ["build       0 rows, 100 rejected, 25% of the sources read"]


def test_what_an_earlier_try_finished_is_no_speed() -> None:
    """It counts as done, and its rows are rows; the time left goes by this try alone."""
    one = Watched()
    one.sources = Sources(1000, 1000, 0, 1.0)
    one.progress.kept(0, 600, {"regeneration": 6000})
    one.now += 10
    one.progress.did(1, 100, {"regeneration": 50})
    told = one.progress.record()
    assert (told["share"], told["rows"], told["blocks"]) == (0.7, 6050, 2)
    assert (told["rows_per_second"], told["seconds_left"]) == (5.0, 30.0)


def test_a_stage_whose_work_is_known_goes_by_it() -> None:
    """After planning, what is to be built is no guess."""
    one = Watched()
    one.sources = Sources(9000, 9000, 0, 1.0)
    one.progress.begin("build", "built", to_do=400)
    one.now += 3
    one.progress.did(0, 100, {"regeneration": 1})
    assert one.progress.record()["share"] == 0.25
    assert one.progress.record()["seconds_left"] == 9.0


def test_a_terminal_shows_it_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of at most 79 columns, each wiping those before, and a stage's last ones stay."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    one = Watched(Terminal())
    one.sources = Sources(40_000_000, 12_345_678, 1_234_567, 0.5)
    for number in range(4):
        one.progress.did(number, 10**6, dict.fromkeys(TYPES, 1_234_567))
        one.now += 3600
        one.progress.look()
        one.progress.look()  # not due
    drawn = one.stream.getvalue().split("\x1b[J")
    assert len(drawn) == 4
    assert drawn[3].startswith("build  16%  19,753,072 rows, 1,372 rows/s, 1,234,567 rejected, ")
    assert drawn[3].splitlines()[0].endswith("20:41:29 left")
    lines = [line for part in drawn for line in part.split("\r")[0].splitlines()]
    assert max(map(len, lines)) <= 79
    heights = [len(part.split("\r")[0].splitlines()) for part in drawn]
    ups = [part.split("\r")[1] for part in drawn[:-1]]
    assert ups == [f"\x1b[{height - 1}A" for height in heights[:-1]]
    one.progress.end()
    one.progress.screen.say("and on")
    assert one.stream.getvalue().endswith("uninterrupted 4,938,268\nand on\n")


def test_a_line_wipes_what_is_shown_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said while something is shown in place stands above the next of it."""
    monkeypatch.setenv("TERM", "xterm")
    one = Watched(Terminal())
    one.now += 1
    one.progress.look()
    one.progress.screen.say("by the way")
    assert one.stream.getvalue().endswith("sources read\r\x1b[Jby the way\n")


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        (Level.QUIET, []),
        (Level.NORMAL, ["build 100%  7 rows, 2 rows/s, 0 rejected, took 0:04; regeneration 7"]),
        (
            Level.VERBOSE,
            [
                "block 0: 30 dialogues, finished before",
                "block 1: 20 dialogues, 7 rows built",
                "build 100%  7 rows, 2 rows/s, 0 rejected, took 0:04; regeneration 7",
            ],
        ),
    ],
)
def test_levels(level: Level, lines: list[str]) -> None:
    """Quiet is silent, verbose says a line a block."""
    one = Watched(level=level)
    one.sources = Sources(50, 50, 0, 1.0)
    one.progress.kept(0, 30, {})
    one.now += 4
    one.progress.did(1, 20, {"regeneration": 7})
    one.progress.look()
    one.progress.end()
    assert one.said() == lines


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03")]
)
def test_duration(seconds: float, shown: str) -> None:
    """As a clock shows it."""
    assert duration(seconds) == shown


def test_quiet_and_verbose_builds(
    duplexdata: Run, write_dialogues: Callable[..., Path], tmp_path: Path
) -> None:
    """A quiet build says its folder alone; a verbose one each block; both at once is refused."""
    file = write_dialogues([["How?", "So it goes, on and on, for quite a while."]] * 2)
    (tmp_path / "recipe.toml").write_text('format = "duo"\nblock_rows = 1\n')
    asked: tuple[object, ...] = ("build", "--config", tmp_path / "recipe.toml", "--workers", 1)
    asked = (*asked, "--source", file, "--out", tmp_path / "out")
    done = duplexdata(*asked, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'out'}\n", "")
    done = duplexdata(*asked, "--verbose", "--overwrite")
    assert "\nblock 0: 1 dialogues, " in done.stderr
    assert "\nplan  100%  " in done.stderr
    assert "\nbuild 100%  " in done.stderr
    done = duplexdata(*asked, "--verbose", "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--quiet and --verbose" in done.stderr
