"""The benchmarks run, and what they compare is equal; how fast anything is, is not tested."""

import importlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .conftest import ROOT

BENCHMARKS = ROOT / "benchmarks"
GROUPS = ["1", "2", "3", "4", "5", "6", "7", "8", "encoder"]


def run_benchmark(
    *arguments: str | Path, cwd: Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Runs a script of the benchmarks in a process of its own."""
    return subprocess.run(
        [sys.executable, BENCHMARKS / arguments[0], *map(str, arguments[1:])],
        capture_output=True,
        text=True,
        check=check,
        cwd=cwd,
    )


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="memory is read from /proc")
def test_smoke_gives_every_figure(tmp_path: Path) -> None:
    """A tiny run of all figures prints a finite number and a result for each."""
    report = tmp_path / "report.json"
    done = run_benchmark("speed.py", "--smoke", "--json", report, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(report.read_text("utf-8"))
    assert list(dict.fromkeys(one["figure"] for one in said["figures"])) == GROUPS
    for figure in said["figures"]:
        assert math.isfinite(figure["median"]), figure
        assert (figure["result"] in {"pass", "miss"}) == (figure["bound"] is not None)
    rows = [line for line in done.stdout.splitlines() if re.match(r"\| [\de]", line)]
    assert len(rows) == len(said["figures"])
    assert all(side["user"][0] + side["system"][0] > 0 for side in said["sides"])


def test_an_unknown_figure_is_told(tmp_path: Path) -> None:
    """A figure that is not there ends the run with its name."""
    done = run_benchmark("speed.py", "--only", "9", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "no figure 9" in done.stderr


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Loads a module of the benchmarks, which find each other by their folder."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def same_content(benchmark: Callable[[str], Any]) -> Any:
    """The module that compares the plain script's rows with ours."""
    return benchmark("same_content")


def write_row(folder: Path, contents: list[str], name: str) -> tuple[Path, Path]:
    """One row of ours and one of the plain script's, with these contents."""
    sides = ["user", "assistant"]
    output = [
        {"role": sides[place % 2], "content": content} for place, content in enumerate(contents)
    ]
    run = folder / name
    (run / "data").mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pylist([{"source_ids": ["file:0"], "output": output}]),
        run / "data" / "train-00000.parquet",
    )
    plain = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist([{"id": "0", "output": output}]), plain)
    return run, plain


OURS = ["one two three four", "<idle>", "five", "An answer 🦊", "<idle>", " ends.", *["<idle>"] * 2]


@pytest.mark.parametrize(
    ("theirs", "damaged"),
    [
        (OURS, 0),
        (["one two three four five", "An answer 🦊", "<idle>", " ends.", *["<idle>"] * 2], 0),
        ([*OURS[:3], "An answer \ufffd", "<idle>", "\ufffd ends.", *["<idle>"] * 2], 1),
    ],
    ids=["the same", "other draws", "a character in half"],
)
def test_what_may_differ(
    theirs: list[str], damaged: int, same_content: Any, tmp_path: Path
) -> None:
    """Draws of user slices, and characters that are cut in half, which are counted."""
    run, _ = write_row(tmp_path, OURS, "ours")
    _, plain = write_row(tmp_path, theirs, "theirs")
    assert same_content.compare(run, plain) == same_content.Comparison(1, damaged)


@pytest.mark.parametrize(
    "theirs",
    [
        [*OURS[:2], "six", *OURS[3:]],
        [*OURS[:5], " end.", *OURS[6:]],
        [*OURS[:3], "An answer", "<idle>", " 🦊 ends.", *OURS[6:]],
        OURS[:6],
        [*OURS[:7], " More."],
        [*OURS, *["<idle>"] * 2],
        [*OURS[:3], "<idle>", "<idle>", "An answer 🦊", *OURS[4:]],
        ["one two three", "<idle>", "four five", *OURS[3:]],
        [*OURS[:3], "An answer \ufffd", "<idle>", "\ufffd end.", *OURS[6:]],
    ],
    ids=[
        "a word",
        "a letter of the answer",
        "another boundary",
        "no pair after the end",
        "no silence at the end",
        "more silence",
        "an answer too late",
        "too few words",
        "a letter beside a character in half",
    ],
)
def test_what_may_not_differ(theirs: list[str], same_content: Any, tmp_path: Path) -> None:
    """Every other difference is told."""
    run, _ = write_row(tmp_path, OURS, "ours")
    _, plain = write_row(tmp_path, theirs, "theirs")
    with pytest.raises(same_content.DifferentContentError):
        same_content.compare(run, plain)


def test_processes_are_measured_together(benchmark: Callable[[str], Any], tmp_path: Path) -> None:
    """CPU time and memory are those of a process and its child."""
    hold = (
        "import time; held = bytearray(b'x') * 100_000_000\nwhile time.process_time() < 0.5: pass"
    )
    both = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {hold!r}])\n{hold}"
    both += "\np.wait(); print('done')"
    measured = benchmark("measure").run(
        [sys.executable, "-c", both], environment={}, cwd=tmp_path, watch_memory=True
    )
    assert measured.output == "done\n"
    assert measured.cpu >= 1.0
    assert measured.peak >= 200_000_000


def test_a_failed_command_is_told(benchmark: Callable[[str], Any], tmp_path: Path) -> None:
    """Its exit code and the end of what it said."""
    measure = benchmark("measure")
    with pytest.raises(measure.CommandError, match=r"(?s)exit 3: .*no room"):
        measure.run(
            [sys.executable, "-c", "import sys; print('no room', file=sys.stderr); sys.exit(3)"],
            environment={},
            cwd=tmp_path,
        )


@pytest.mark.parametrize("copies", ["same", "distinct"])
def test_dialogues_are_repeated(
    copies: str, benchmark: Callable[[str], Any], tmp_path: Path
) -> None:
    """So many rows, ids of their own, and every text once where they are told apart."""
    dialogues = [("a", "b"), ("c", "d", "e", "f")]
    file = benchmark("inputs").write_dialogues(dialogues, 5, tmp_path / "five.jsonl", copies)
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert [row["id"] for row in rows] == ["0", "1", "2", "3", "4"]
    texts = [text for row in rows for text in row["data"]]
    assert texts[:6] == ["a", "b", "c", "d", "e", "f"]
    assert len(texts) == 14
    assert len(set(texts)) == (14 if copies == "distinct" else 6)


def test_parts_of_a_file_are_all_its_lines(benchmark: Callable[[str], Any], tmp_path: Path) -> None:
    """The floor's processes read every line once, wherever the parts meet."""
    lines = [b"x" * length + b"\n" for length in (0, 1, 2, 7, 30, 1, 1)]
    file = tmp_path / "lines"
    file.write_bytes(b"".join(lines))
    floor = benchmark("floor")
    for parts in range(1, 60):
        found = [line for part in range(parts) for line in floor.lines(file, part, parts)]
        assert found == lines, parts
