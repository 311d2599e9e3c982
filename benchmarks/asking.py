"""How fast requests are asked, beside a loop that does nothing but call the bare client.

    python benchmarks/asking.py [--requests N] [--only speed,cap,kill,build,build-cap,memory]

Runs against the loopback server on this machine and prints a Markdown table for each of:

- speed: 200 ms of latency, at most 256 in flight: OpenAI's client over aiohttp in a bare loop
  (nothing kept, nothing tried again), then ours, over both transports, with every reply
  looked up before and stored after. The figure is the ratio; the server takes a core itself.
- cap: the server refuses more than 100 requests a second with `Retry-After: 1`.
- kill: SIGKILL when half of the replies are paid for, then the same again: what was paid twice.
- build, build-cap: speed and cap of whole builds, planned, asked, checked, stored and written.
- memory: the peak of builds of 10,000 and of 100,000 requests; it takes minutes.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import asked_builds

from duplexdata.pipeline.generate.asking import Asking, Usage
from duplexdata.pipeline.generate.request import Request
from duplexdata.pipeline.generate.sending import Transport
from duplexdata.pipeline.generate.store import Store
from duplexdata.pipeline.generate.transport import AioHttpTransport, OpenAITransport
from duplexdata.tests.loopback import Loopback, serve

LATENCY = 0.2
IN_FLIGHT = 256
CAP, CAPPED_REQUESTS = 100, 1500
TRANSPORTS: dict[str, type[OpenAITransport | AioHttpTransport]] = {
    "openai": OpenAITransport,
    "aiohttp": AioHttpTransport,
}
INSTRUCTIONS = "Join the transition and the message to one natural utterance. " * 8


def requests(base_url: str, number: int, run: str) -> Iterator[Request]:
    """So many requests to fuse, none like another."""
    for place in range(number):
        values = {
            "language": "en",
            "transition": "Hold on a second,",
            "message": f"what would {place} pots of basil need in run {run}?",
        }
        yield Request(
            "fuse",
            base_url,
            {
                "model": "fake-small",
                "messages": [
                    {"role": "system", "content": INSTRUCTIONS},
                    {"role": "user", "content": json.dumps(values)},
                ],
                "max_tokens": 256,
            },
        )


class Times(NamedTuple):
    """Seconds on the clock, and of this process's CPU, which a busy machine changes little."""

    wall: float
    cpu: float

    @classmethod
    def of(cls, work: Callable[[], object]) -> "Times":
        """What some work takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)


def ask(transport: Transport, folder: Path, asked: list[Request]) -> tuple[Times, Usage]:
    """What asking takes until the last reply is stored, and what was used."""
    store = Store(folder / "replies.sqlite3")
    with Asking(store, transport) as asking:

        def work() -> None:
            for reply in [asking.submit(request) for request in asked]:
                reply.result()

        times, usage = Times.of(work), asking.usage
    store.close()
    return times, usage


def ask_bare(asked: list[Request]) -> Times:
    """What the bare client takes."""
    from openai import AsyncOpenAI, DefaultAioHttpClient

    async def loop() -> None:
        waiting = iter(asked)
        async with AsyncOpenAI(
            base_url=asked[0].base_url,
            api_key="none",
            max_retries=0,
            http_client=DefaultAioHttpClient(),
        ) as client:

            async def work() -> None:
                for request in waiting:
                    reply = await client.chat.completions.create(**request.body)
                    reply.choices[0].message.content  # noqa: B018  # what a loop would read

            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))

    return Times.of(lambda: asyncio.run(loop()))


def speed(number: int, rounds: int = 3) -> Iterator[str]:
    """The table of speed: medians of rounds in which all take turns."""
    taken: dict[str, list[Times]] = {"bare client": []}
    with serve(latency=LATENCY) as server:
        ask_bare(list(requests(server.base_url, IN_FLIGHT, "warm")))
        for turn in range(rounds):
            asked = list(requests(server.base_url, number, f"bare {turn}"))
            taken["bare client"].append(ask_bare(asked))
            for name, transport in TRANSPORTS.items():
                with tempfile.TemporaryDirectory() as folder:
                    asked = list(requests(server.base_url, number, f"{name} {turn}"))
                    times, _ = ask(transport(), Path(folder), asked)
                taken.setdefault(f"ours, {name}", []).append(times)
    yield "| asked by | requests/s | of the bare client | of it, each round | CPU ms a request |"
    yield "|---|---:|---:|---:|---:|"
    bare = taken["bare client"]
    for name, all_times in taken.items():
        ratios = [of.wall / own.wall for of, own in zip(bare, all_times, strict=True)]
        yield (
            f"| {name} | {number / median(own.wall for own in all_times):.0f} "
            f"| {median(ratios):.2f} | {', '.join(f'{ratio:.2f}' for ratio in ratios)} "
            f"| {1000 * median(own.cpu for own in all_times) / number:.2f} |"
        )


def cap() -> Iterator[str]:
    """The table of the cap."""
    ideal = (CAPPED_REQUESTS - CAP) / CAP
    yield f"| asked by | seconds (ideal {ideal:g}) | of the ideal | refusals | level at the end |"
    yield "|---|---:|---:|---:|---:|"
    for name, transport in TRANSPORTS.items():
        with (
            serve(latency=LATENCY, cap=CAP, retry_after=1) as server,
            tempfile.TemporaryDirectory() as folder,
        ):
            asked = list(requests(server.base_url, CAPPED_REQUESTS, name))
            times, used = ask(transport(), Path(folder), asked)
            yield (
                f"| ours, {name} | {times.wall:.2f} | {times.wall / ideal:.2f} | {used.refusals} "
                f"| {used.level} |"
            )


def kill(number: int) -> Iterator[str]:
    """The table of what a kill wastes."""
    yield "| asked by | paid at the kill | stored | paid in all | paid twice |"
    yield "|---|---:|---:|---:|---:|"
    for name in TRANSPORTS:
        with serve(latency=LATENCY) as server, tempfile.TemporaryDirectory() as folder:
            again = [sys.executable, __file__, "--child", name, server.base_url, folder]
            again += ["--requests", str(number)]
            with subprocess.Popen(again) as child:  # noqa: S603  # this file
                server.wait("paid", number // 2, child)
                paid = server.stats()["paid"]
                child.kill()
            done = subprocess.run(again, check=True, capture_output=True, text=True)  # noqa: S603
            yield f"| ours, {name} | {paid} | {done.stdout.strip()} | {_paid(server)} |"


def _paid(server: Loopback) -> str:
    stats = server.stats()
    return f"{stats['paid']} | {stats['repeated']}"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="How fast requests are asked.")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--only", default="speed,cap,kill,build,build-cap")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, base_url, folder = given.child
        asked = list(requests(base_url, given.requests, "killed"))
        sys.stdout.write(str(ask(TRANSPORTS[name](), Path(folder), asked)[1].stored))
        return
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "speed": lambda: speed(given.requests),
        "cap": cap,
        "kill": lambda: kill(given.requests),
        "build": lambda: asked_builds.speed(given.requests),
        "build-cap": asked_builds.cap,
        "memory": asked_builds.memory,
    }
    for only in given.only.split(","):
        for line in tables[only]():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
