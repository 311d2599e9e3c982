"""Whole builds that ask a model, beside a loop that does nothing but call the bare client.

Rows of two rounds with one request each: cut once, the user's message fused with a transition.
The bare loop sends the bodies that a build has sent before, reads what came back, and keeps
nothing. Every side is a process, measured from its start to its end by `measure.run`.
"""

import asyncio
import json
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from measure import Measured, memory_measure, run

import duplexdata
from duplexdata.pipeline.generate.database import FILE
from duplexdata.tests.loopback import Loopback, serve

LATENCY = 0.2
IN_FLIGHT = 256
CAP, CAPPED_ROWS = 100, 1500
BARE, OPENAI, AIOHTTP = "bare client", "build", "build, --client aiohttp"
_CLIENTS = {OPENAI: "openai", AIOHTTP: "aiohttp"}
_ANSWER = "It lies by the river, and is quiet; breakfast is served from seven to ten. " * 5
_RECIPE = "stop_share = 0\nbare_share = 0\n"


def speed(rows: int, rounds: int = 3) -> Iterator[str]:
    """The table of speed, both clients and the bare loop in turn.

    Whole processes are told, and the same from their first request on: a start-up is as long
    for any number of rows.
    """
    taken: dict[str, list[_Side]] = {BARE: [], OPENAI: [], AIOHTTP: []}
    with serve(latency=LATENCY) as server, TemporaryDirectory() as folder:
        bench = Bench(Path(folder), server, rows)
        bench.build("openai", "bodies")
        for turn in range(rounds):
            taken[BARE].append(_side(server, lambda: bench.bare("bodies")))
            for name, client in _CLIENTS.items():
                out = f"{client}-{turn}"
                taken[name].append(_side(server, partial(bench.build, client, out)))
    yield (
        f"| {rows:,} rows, a request each | rows/s | of the bare client "
        "| rows/s from the first request | of the bare client | CPU ms a row |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for name, sides in taken.items():
        both = list(zip(taken[BARE], sides, strict=True))
        whole = [of.measured.seconds / own.measured.seconds for of, own in both]
        asking = [of.asking / own.asking for of, own in both]
        yield (
            f"| {name} | {rows / median(one.measured.seconds for one in sides):.0f} "
            f"| {_told(whole)} | {rows / median(one.asking for one in sides):.0f} "
            f"| {_told(asking)} | {1000 * median(one.measured.cpu for one in sides) / rows:.2f} |"
        )


class _Side(NamedTuple):
    """What a process took.

    Attributes:
        measured: the whole of it.
        asking: seconds from its first request to its end.
    """

    measured: Measured
    asking: float


def _side(server: Loopback, work: Callable[[], Measured]) -> _Side:
    server.reset()
    with ThreadPoolExecutor(1) as watching:
        first = watching.submit(_first_request, server)
        measured = work()
        return _Side(measured, time.perf_counter() - first.result())


def _first_request(server: Loopback) -> float:
    """When a server got its first request."""
    server.wait("requests", 1)
    return time.perf_counter()


def _told(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def cap() -> Iterator[str]:
    """The table of the cap: more than so many requests a second are refused for a second.

    Besides the whole process, the time from its first request to its last reply is told: the
    ideal knows no start-up.
    """
    ideal = (CAPPED_ROWS - CAP) / CAP
    yield (
        f"| 1,500 rows, ideal {ideal:g} s | first request to last reply | of the ideal "
        "| start to end | of the ideal | refusals |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for name, client in _CLIENTS.items():
        with (
            serve(latency=LATENCY, cap=CAP, retry_after=1) as server,
            TemporaryDirectory() as folder,
        ):
            bench = Bench(Path(folder), server, CAPPED_ROWS)
            with ThreadPoolExecutor(1) as watching:
                asked = watching.submit(_seconds_of_asking, server, CAPPED_ROWS)
                took = bench.build(client, client).seconds
            refused = server.stats()["statuses"].get("429", 0)
        yield (
            f"| {name} | {asked.result():.2f} | {asked.result() / ideal:.2f} "
            f"| {took:.2f} | {took / ideal:.2f} | {refused} |"
        )


def _seconds_of_asking(server: Loopback, rows: int) -> float:
    """From a server's first request until so many replies are paid for."""
    began = _first_request(server)
    server.wait("paid", rows)
    return time.perf_counter() - began


def memory(sizes: tuple[int, ...] = (10_000, 100_000)) -> Iterator[str]:
    """The table of memory, with the stand-in that answers at once."""
    yield f"| requests | peak {memory_measure()} of all processes, MB | seconds |"
    yield "|---:|---:|---:|"
    for rows in sizes:
        with serve() as server, TemporaryDirectory() as folder:
            took = Bench(Path(folder), server, rows).build("fake", "out", watch=True)
        yield f"| {rows:,} | {(took.peak or 0) / 1e6:.0f} | {took.seconds:.0f} |"


class Bench:
    """Sources, outputs and stores in a folder.

    Args:
        folder: that is empty.
        server: that is asked.
        rows: how many are built.
    """

    def __init__(self, folder: Path, server: Loopback, rows: int) -> None:
        """Writes the sources."""
        self._folder = folder
        self._server = server
        self._rows = rows
        (folder / "recipe.toml").write_text(_RECIPE, "utf-8")
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            for number in range(rows):
                file.write(json.dumps(_dialogue(number)) + "\n")

    def build(self, client: str, name: str, *, watch: bool = False) -> Measured:
        """Builds all rows, no reply being stored; with `fake` as the client, without a server."""
        command = [
            *(sys.executable, "-m", "duplexdata", "build", "--quiet", "--format", "duo"),
            *("--source", "rows.jsonl", "--samples", "0", "--config", "recipe.toml"),
            *("--rates", "generation_termination=1", "--statements", "0"),
            *self._who(client),
            *("--max-in-flight", str(IN_FLIGHT)),
            *("--cache", f"cache-{name}", "--out", f"out-{name}"),
        ]
        took = run(command, environment=_ENVIRONMENT, cwd=self._folder, watch_memory=watch)
        manifest = json.loads((self._folder / f"out-{name}" / "manifest.json").read_text("utf-8"))
        replies = manifest["counts"]["replies"]
        if list(replies.values()) != [self._rows] or "offline" in "".join(replies):
            raise RuntimeError(f"not one reply a row: {replies}")
        return took

    def _who(self, client: str) -> tuple[str, ...]:
        """Whom a build asks."""
        if client == "fake":
            return "--llm", "fake"
        model = ("--llm", "openai", "--model", "fake-small", "--base-url", self._server.base_url)
        return *model, "--client", client

    def bare(self, name: str) -> Measured:
        """Sends what that build has sent."""
        command = [sys.executable, __file__, self._server.base_url, f"cache-{name}/{FILE}"]
        return run(command, environment=_ENVIRONMENT, cwd=self._folder)


_ENVIRONMENT = {"OPENAI_API_KEY": "none", "PYTHONPATH": str(Path(duplexdata.__file__).parents[1])}


def _dialogue(number: int) -> dict[str, Any]:
    texts = [
        f"How much is a room in hotel {number} a night?",
        _ANSWER,
        f"And hotel {number + 1}, is it far from the station?",
        "It is ten minutes on foot.",
    ]
    return {"id": str(number), "data": texts}


async def call(base_url: str, bodies: list[dict[str, Any]]) -> None:
    """The bare client, over aiohttp."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    waiting = iter(bodies)
    async with AsyncOpenAI(
        base_url=base_url, api_key="none", max_retries=0, http_client=DefaultAioHttpClient()
    ) as client:

        async def work() -> None:
            for body in waiting:
                reply = await client.chat.completions.create(**body)
                reply.choices[0].message.content  # noqa: B018  # what a loop would read

        await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))


def bodies_in(store: str) -> list[dict[str, Any]]:
    """The bodies of all requests in a store."""
    connection = sqlite3.connect(store)
    rows = connection.execute("SELECT request FROM replies").fetchall()
    connection.close()
    return [json.loads(zlib.decompress(request)) for (request,) in rows]


if __name__ == "__main__":
    asyncio.run(call(sys.argv[1], bodies_in(sys.argv[2])))
