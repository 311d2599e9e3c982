"""The knobs of the loopback server: its flags, and what `/_config` changes while it runs."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from duplexdata.pipeline.generate.fake.faults import FAULTS

TRANSPORT_FAULTS = (
    "limited",  # 429 with Retry-After in seconds
    "limited_until",  # 429 with Retry-After as a date
    "limited_bare",  # 429 without
    "error_500",
    "error_503",
    "dropped",  # the connection breaks in the middle of the body
    "slow",  # a whole reply, but late
)

HOLDS = (
    "upload",  # before the file is kept
    "create",  # before the batch is made
    "created",  # after it was
    "retrieve",
    "content",  # in the middle of the file
)


def _knob(default: Any, told: str) -> Any:
    return field(default=default, metadata={"help": told})


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the server does; shares are from 0 to 1, times in seconds."""

    port: int = _knob(0, "0 takes a free one")
    seed: int = _knob(0, "another seed, other words and other faults")
    latency: float = _knob(0.0, "before each reply")
    faults: float = _knob(0.0, "share of replies with a fault of content")
    only_faults: str = _knob("", "the faults of content to choose from, with commas")
    transport_faults: float = _knob(0.0, "share of tries that fail on the way")
    only_transport_faults: str = _knob("", "the faults of transport to choose from, with commas")
    faults_in_a_row: int = _knob(3, "a body's tries that may fail on the way before one succeeds")
    slow: float = _knob(2.0, "what a slow reply takes longer")
    status: int = _knob(0, "answer every request for a completion with this status")
    cap: float = _knob(0.0, "requests a second, above which the answer is 429; 0 is no cap")
    retry_after: float = _knob(1.0, "the Retry-After of a 429; 0 leaves the header out")
    die_after: int = _knob(0, "die at this request for a completion; 0 never does")
    die_for: float = _knob(1.0, "how long it stays dead")
    api_key: str = _knob("", "the key to ask for; none, if empty")
    no_schema: bool = _knob(False, "refuse requests with a response_format")
    filtered: str = _knob("", "refuse requests that hold this text, for what they hold")
    batch_polls: int = _knob(2, "polls until a batch is done")
    batch_faults: float = _knob(0.0, "share of a batch's lines that fail")
    expire_batches: int = _knob(0, "the next so many batches expire with half of their lines done")
    batch_lines: int = _knob(50_000, "lines that a batch may have")
    batch_queue: int = _knob(0, "lines that all batches under way may have; 0 is no bound")
    batch_errors: int = _knob(0, "the next so many calls of batches are done, and answered 503")
    batch_missing: float = _knob(0.0, "share of a batch's lines that are paid for and in no file")
    batch_twice: bool = _knob(False, "each line of a batch's files is there twice")
    file_errors: int = _knob(0, "the next so many files of batches are not given out")
    file_status: int = _knob(404, "the status of these answers")
    hold: str = _knob("", "calls about batches that never end, with commas; see HOLDS")
    until_stdin_closes: bool = _knob(False, "end when standard input does")

    def __post_init__(self) -> None:
        """Refuses names of faults that are none."""
        for given, known in (
            (self.only_faults, tuple(FAULTS)),
            (self.only_transport_faults, TRANSPORT_FAULTS),
            (self.hold, HOLDS),
        ):
            for name in named(given):
                if name not in known:
                    raise ValueError(f"no such fault: {name}; known: {', '.join(known)}")


def named(names: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(filter(None, names.split(",")))


def from_flags(arguments: Sequence[str] | None = None) -> Knobs:
    """The knobs of a command line."""
    parser = ArgumentParser(description="An OpenAI-compatible server on this machine, for tests.")
    for one in fields(Knobs):
        flag, told = f"--{one.name.replace('_', '-')}", one.metadata["help"]
        if one.type is bool or one.type == "bool":
            parser.add_argument(flag, action="store_true", help=told)
        else:
            kind = type(one.default)
            parser.add_argument(
                flag, type=kind, default=one.default, help=f"{told} [{one.default}]"
            )
    return Knobs(**vars(parser.parse_args(arguments)))


def flags_of(knobs: Mapping[str, Any]) -> list[str]:
    """The command line of some knobs."""
    flags: list[str] = []
    for name, value in knobs.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            flags.append(flag)
        elif value is not False:
            flags += [flag, str(value)]
    return flags


def changed(knobs: Knobs, changes: Mapping[str, Any]) -> Knobs:
    """Knobs with some of them changed.

    Raises:
        ValueError: a name is no knob, or a value is of another type.
    """
    for name, value in changes.items():
        now = getattr(knobs, name, None)
        if now is None:
            raise ValueError(f"no such knob: {name}")
        fits = isinstance(value, type(now)) or (isinstance(now, float) and isinstance(value, int))
        if not fits or isinstance(value, bool) is not isinstance(now, bool):
            raise ValueError(f"{name} takes a {type(now).__name__}, not {value!r}")
    return replace(knobs, **changes)
