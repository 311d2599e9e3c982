"""A DUO build under a mix of faults, and the same killed again and again.

By default forty dialogues and three kills; DUPLEXDATA_FAULTS=500,10 makes it 500 and ten, and adds
the faults that make all wait for long.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from duplexdata.pipeline.generate.database import FILE
from duplexdata.pipeline.validate import validate

from .conftest import manifest_of, rows_of
from .loopback import Loopback, serve
from .test_resume import digests

DIALOGUES, KILLS = map(int, os.environ.get("DUPLEXDATA_FAULTS", "40,3").split(","))
IN_FLIGHT = 32
FAULTS = {
    "latency": 0.02,
    "faults": 0.3,
    "transport_faults": 0.3,
    "only_transport_faults": (
        "" if DIALOGUES >= 500 else "limited,error_500,error_503,dropped,slow"
    ),
    "retry_after": 0.05,
    "slow": 0.2,
}

TOWNS = ("Lisbon", "Graz", "Porto", "Turin", "Leeds", "Basel", "Lyon", "Aarhus", "Cork", "Bruges")
MATTERS = (
    ("plan two days in {}", "Begin in the old town of {}, which is small enough to walk through."),
    ("find a quiet hotel in {}", "In {} the quiet streets lie behind the market, by the river."),
    ("learn where {} got its name", "Of the name of {} there are three tales, and none is sure."),
    ("cook what people in {} eat", "A stew of beans is what most families in {} make in winter."),
)
MORE = (
    "The museum opens at nine, and before ten there is hardly anybody in its halls.",
    "Bread is bought fresh every morning, and what is left goes into a soup.",
    "A tram climbs the hill every twelve minutes and stops close to the garden.",
    "From the tower you see the whole valley, on clear days even the sea.",
)


def dialogues(count: int) -> list[dict[str, Any]]:
    """Rows of two to four rounds, none like another."""
    draw = random.Random(7)  # noqa: S311  # to be the same each time
    rows = []
    for number in range(count):
        town = TOWNS[number % len(TOWNS)]
        texts = []
        for turn in range(draw.randint(2, 4)):
            asked, answer = draw.choice(MATTERS)
            begin = "Can you help me to" if turn % 2 == 0 else "And how would I"
            texts.append(f"{begin} {asked.format(town)}, for {number + 2} people?")
            said = draw.sample(MORE, 3)
            texts.append(" ".join([answer.format(town), *said, f"That is for {number + 2}."]))
        rows.append({"id": str(number), "data": texts})
    return rows


class Builds:
    """Builds of one source in a folder.

    Args:
        folder: that is empty.
        server: that is asked.
    """

    def __init__(self, folder: Path, server: Loopback) -> None:
        """Writes the source and the recipe."""
        self.folder = folder
        self.source = folder / "rows.jsonl"
        self._server = server
        rows = "".join(json.dumps(row) + "\n" for row in dialogues(DIALOGUES))
        self.source.write_text(rows, "utf-8")
        (folder / "recipe.toml").write_text(f"block_rows = {max(20, DIALOGUES // 8)}\n", "utf-8")

    def start(self, name: str) -> subprocess.Popen[str]:
        """A build with a store of its own, as the first of a group of processes."""
        command = [
            *(sys.executable, "-m", "duplexdata", "build", "--format", "duo"),
            *("--source", str(self.source), "--config", str(self.folder / "recipe.toml")),
            *("--llm", "openai", "--model", "fake-small", "--base-url", self._server.base_url),
            *("--max-in-flight", str(IN_FLIGHT), "--workers", "2"),
            *("--out", str(self.folder / name), "--cache", str(self.folder / f"{name}-cache")),
        ]
        return subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def finish(self, name: str) -> Path:
        """The folder of a build that has come to its end."""
        with self.start(name) as running:
            said = running.communicate()[1]
        assert running.returncode == 0, said
        return self.folder / name

    def stored(self, name: str) -> int:
        """How many replies are kept of a build."""
        store = sqlite3.connect(self.folder / f"{name}-cache" / FILE)
        (count,) = store.execute("SELECT count(*) FROM replies").fetchone()
        store.close()
        return int(count)

    def kill_at(self, name: str, paid: int, later: float) -> bool:
        """Kills a build's whole group once so many replies are paid for; whether it ran still."""
        with self.start(name) as running:
            self._server.wait("paid", paid, running, later)
            with suppress(ProcessLookupError):  # it has ended
                os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
        return running.returncode == -signal.SIGKILL


def test_under_faults_and_killed(tmp_path: Path) -> None:
    """Every row valid, none uncounted, nothing paid for twice; killed at random, the same bytes."""
    with serve(**FAULTS) as server:
        builds = Builds(tmp_path, server)
        out = builds.finish("never")
        stats = server.stats()
        # A body may be sent twice: as another try, after the same refused words.
        assert builds.stored("never") == stats["paid"]
        check_all_is_there(out, builds.source, stats)

        server.reset()
        draw = random.Random(11)  # noqa: S311  # to be the same each time
        moments = sorted(draw.randrange(stats["paid"]) for _ in range(KILLS))
        kills = sum(builds.kill_at("killed", paid, draw.random() / 2) for paid in moments)
        assert kills > KILLS // 2
        killed = builds.finish("killed")
        assert digests(killed) == digests(out)
        assert builds.stored("killed") == stats["paid"]
        assert server.stats()["paid"] - stats["paid"] <= kills * IN_FLIGHT


def check_all_is_there(out: Path, source: Path, stats: Mapping[str, Any]) -> None:
    """Rows, rejects, rows left out, replies and faults of a run all add up."""
    assert not validate(out, sources=[str(source)]).breaches
    assert sum(stats["transport_faults"].values()) > stats["paid"] / 8
    assert sum(stats["faults"].values()) > stats["paid"] / 5
    counts = manifest_of(out)["counts"]
    rows = rows_of(out)
    assert counts["kept"] == DIALOGUES
    assert Counter(row["type"] for row in rows) == Counter(counts["written"])
    assert counts["planned"] == counts["written"]
    for of, drawn in counts["drawn"].items():
        missing = sum(types.get(of, 0) for types in counts["left_out"].values())
        assert drawn == counts["in_rows"].get(of, 0) + missing
    left_out = pq.read_table(out / "left_out.parquet").to_pylist()
    assert Counter((one["reason"], one["type"]) for one in left_out) == {
        (reason, of): count
        for reason, types in counts["left_out"].items()
        for of, count in types.items()
    }
    assert "request_failed" not in counts["left_out"]
    statements = Counter(
        f"statement/{one['origin']}"
        for row in rows
        for one in row["utterances"]
        if one["kind"] == "statement"
    )
    assert statements == {
        name: count for name, count in counts["replies"].items() if name.startswith("statement/")
    }
    usage = json.loads((out / "run.json").read_text("utf-8"))["usage"]
    assert usage["replies"] == stats["paid"]
    assert usage["requests"] == stats["requests"] == usage["replies"] + usage["tried_again"]
