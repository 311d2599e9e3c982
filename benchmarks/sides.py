"""The sides of a figure, run in turn: A B A B, each in a fresh folder."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from json import loads
from pathlib import Path

import encoders
from figures import Times
from inputs import Dialogue, write_dialogues, write_ranks
from measure import Measured, run

from duplexdata.pipeline.startup import SETTINGS

HERE = Path(__file__).parent
UNINTERRUPTED = ("--rates", "uninterrupted=1")
RUN = "run"
"""The run's folder of a build, within the folder that the side runs in."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is run.

    Attributes:
        name: for people.
        command: given the folder to write to.
        encoder: what a build is told to use, and must say that it used.
        watch_memory: whether to find its peak.
        light: whether its process is given the settings that our command gives itself.
    """

    name: str
    command: Callable[[Path], Sequence[str | Path]]
    encoder: str = "tiktoken"
    watch_memory: bool = False
    light: bool = False


@dataclass(slots=True)
class Bench:
    """What all figures share.

    Attributes:
        scratch: a folder for inputs and what is built.
        runs: of each side.
        dialogues: how many in a file.
        large: how many in a large one; 0 leaves its figures out.
        encoders: to measure.
        distinct: the dialogues of each language, each once.
        copies: how files are filled with them.
        times: of all sides, as they are measured.
    """

    scratch: Path
    runs: int
    dialogues: int
    large: int
    encoders: tuple[str, ...]
    distinct: dict[str, list[Dialogue]]
    copies: str
    times: list[Times] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, ...]:
        """The sizes to measure at."""
        return (self.dialogues, self.large) if self.large else (self.dialogues,)

    def dialogues_file(self, language: str = "en", count: int | None = None) -> Path:
        """A file of so many dialogues; of each distinct one where no number is said."""
        distinct = self.distinct[language]
        file = self.scratch / f"{language}-{count or 'distinct'}.jsonl"
        if not file.is_file():
            write_dialogues(distinct, count or len(distinct), file, self.copies)
        return file

    def once(self, side: Side, folder: Path) -> Measured:
        """Runs a side once in a new folder."""
        ranks = self.scratch / "tiktoken"
        if not ranks.is_dir():
            write_ranks(ranks)
        folder.mkdir(parents=True)
        environment = {
            **encoders.environment(side.encoder),
            "TIKTOKEN_CACHE_DIR": str(ranks),
            "HF_HOME": str(folder / "huggingface"),  # nothing is found from an earlier run
            "HF_HUB_OFFLINE": "1",
            # What pip installs is compiled; a checkout is so after its first run.
            "PYTHONDONTWRITEBYTECODE": "",
            **(SETTINGS if side.light else {}),
        }
        os.sync()  # what the side before it left to be written is not this one's work
        command = [str(part) for part in side.command(folder)]
        measured = run(command, environment=environment, cwd=folder, watch_memory=side.watch_memory)
        if (folder / RUN / "run.json").is_file():
            encoders.check_used(side.encoder, folder / RUN)
        return measured

    def built(self, source: Path) -> Path:
        """A finished run of `uninterrupted` of this file, built once and kept."""
        folder = self.scratch / "built" / source.stem
        if not folder.is_dir():
            self.once(build("kept", source, *UNINTERRUPTED), folder)
        return folder / RUN

    def in_turn(self, group: str, sides: Sequence[Side]) -> list[Times]:
        """Runs the sides in turn, as often as there are runs.

        What the last run of each wrote stays until the next group, see `written`.
        """
        shutil.rmtree(self.scratch / "out", ignore_errors=True)
        found: list[list[Measured]] = [[] for _ in sides]
        for number in range(self.runs):
            for place, side in enumerate(sides):
                folder = self.written(place)
                shutil.rmtree(folder, ignore_errors=True)
                measured = self.once(side, folder)
                found[place].append(measured)
                say(
                    f"figure {group}, run {number + 1} of {self.runs}: {side.name}: "
                    f"{measured.seconds:.2f} s, CPU {measured.user:.2f} + {measured.system:.2f} s"
                )
        times = [
            Times(
                group,
                side.name,
                tuple(one.seconds for one in each),
                tuple(one.user for one in each),
                tuple(one.system for one in each),
                tuple(one.peak for one in each if one.peak is not None),
                pairs(self.written(place) / RUN),
            )
            for place, (side, each) in enumerate(zip(sides, found, strict=True))
        ]
        self.times += times
        return times

    def written(self, place: int) -> Path:
        """Where the side at this place of the group wrote."""
        return self.scratch / "out" / str(place)


def pairs(run_folder: Path) -> int:
    """The slice pairs of a finished run; 0 where there is none."""
    manifest = run_folder / "manifest.json"
    if not manifest.is_file():
        return 0
    by_type: dict[str, int] = loads(manifest.read_text("utf-8"))["counts"]["pairs"]
    return sum(by_type.values())


def build(
    name: str,
    source: Path,
    *options: str | Path,
    row_format: str = "tdm",
    workers: int = 2,
    encoder: str = "tiktoken",
    watch_memory: bool = False,
) -> Side:
    """A build of our own, every dialogue and every row kept."""
    command = [sys.executable, "-m", "duplexdata", "build", "--format", row_format]
    command += ["--source", str(source), "--duplicates", "keep", "--samples", "0"]
    command += ["--workers", str(workers), *map(str, options)]
    return Side(name, lambda folder: [*command, "--out", folder / RUN], encoder, watch_memory)


def python(name: str, *arguments: str | Path, encoder: str = "tiktoken") -> Side:
    """Python on a script or a module that is given no place to write to."""
    return Side(name, lambda _: [sys.executable, *arguments], encoder)


def baseline(source: Path, *, batched: bool = False) -> Side:
    """The plain script, which maps dialogue by dialogue or many at a time."""
    command: list[str | Path] = [sys.executable, HERE / "baseline.py", source]
    command += ["--batched"] if batched else []
    name = "plain script" + ", batched" * batched
    return Side(name, lambda folder: [*command, folder / "plain.parquet"])


def floor(source: Path, tables: Path, encoder: str) -> Side:
    """The floor under a build."""
    command: list[str | Path] = [sys.executable, HERE / "floor.py", source, tables]
    return Side(
        f"floor, {encoder}",
        lambda folder: [*command, folder, "--encoder", encoder],
        encoder,
        light=True,
    )


def say(line: str) -> None:
    """Tells how it goes."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
