"""Rows, part by part: what is checked at once, here or in a worker process.

A part is a file, or some row groups of it. What is found in it hangs on no other part, so
that it is the same wherever and in whatever order parts are checked.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from .bench import Bench
from .nouns import MESSAGE_COLUMNS
from .report import Breach, Report
from .row import Joined, Place, check_batch, ids_in
from .rows import RowFile, read_rows
from .sampled import SAMPLE, Sampler, validator_of
from .tally import Found, Tally
from .tokens import load_early

PART_ROWS = 2048
"""Rows of a part, at least, but at the end of a file."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are checked at once.

    Attributes:
        file: that holds them.
        split: of its rows.
        groups: the row groups that hold them; None for all that the file holds.
        before: how many rows of the file come before them.
        rows: how many they are, if the file says so.
        sampler: takes a sample of them.
        made_of: what of the sources they are made of.
    """

    file: RowFile
    split: str
    groups: tuple[int, ...] | None
    before: int
    rows: int | None
    sampler: Sampler
    made_of: Joined = Joined()  # noqa: RUF009  # it is frozen


class Engine(Protocol):
    """Runs a function on parts, and gives what is found in them in their order."""

    def __call__(
        self, function: Callable[[Part], Found], tasks: Iterator[Part], workers: int
    ) -> Generator[Found]:
        """Parts are drawn from the iterator only as there is room for them."""


def check_here(
    function: Callable[[Part], Found],
    tasks: Iterator[Part],
    workers: int,  # noqa: ARG001  # there is one: this process
) -> Generator[Found]:
    """The engine that checks one part after the other, in this process."""
    yield from map(function, tasks)


Find = Callable[[Part, Mapping[int, Sequence[str]], int], Joined]
"""What of the sources the next rows of a part are made of: told of the ids that they name, by
the number of each row, and how many rows they are."""


def cut_parts(opened: Sequence[RowFile], split_of: Callable[[Path], str]) -> Iterator[Part]:
    """The parts of files, in order; each file has one at least."""
    total = sum(one.rows or 0 for one in opened) or None
    unknown = sum(one.rows is None for one in opened)
    seen = 0
    for file in opened:
        split = split_of(file.path)
        if file.groups is None:
            sampler = Sampler(None, size=max(1, SAMPLE // unknown))
            yield Part(file, split, None, 0, None, sampler)
            continue
        groups: list[int] = []
        before = rows = 0
        for number, held in enumerate(file.groups):
            groups.append(number)
            rows += held
            if rows >= PART_ROWS or number + 1 == len(file.groups):
                sampler = Sampler(total, seen + before)
                yield Part(file, split, tuple(groups), before, rows, sampler)
                groups, before, rows = [], before + rows, 0
        if not file.groups:
            yield Part(file, split, (), 0, 0, Sampler(total, seen))
        seen += before


def check_part(bench: Bench, show: int, part: Part, find: Find | None = None) -> Found:
    """Checks the rows of a part, batch by batch, and with the first of a file its schema.

    Args:
        bench: what they are checked with.
        show: how many breaches of each check are kept.
        part: that holds them.
        find: tells what they are made of, where the part itself does not.

    Raises:
        FolderError: the file cannot be read to its end.
        TokenizerError: the tokenizer cannot be had, or is not the one that made the rows.
    """
    bench.tokenizer.load()
    found, file = Found(Tally(), Report(show=show)), part.file
    if not part.before:
        _check_file(file, found.report)
    spaces = file.spaces
    if spaces is None and bench.settings.manifest is not None:
        spaces = {}  # a build says it of every file
    place, made_of = Place(file.path.name, part.split, spaces), part.made_of
    sampler = replace(part.sampler)
    for batch in read_rows(file, part.groups, part.before):
        if find is not None:
            made_of = find(part, ids_in(batch), len(batch))
        check_batch(batch, place, made_of, bench, sampler, found)
    return found


def _check_file(file: RowFile, report: Report) -> None:
    report.files += 1
    if file.fault:
        report.breach(Breach("file", file.path.name, None, None, *file.fault))
    else:
        report.proved["file"] += 1
    for extra in file.extra:
        report.leave("shape", f"the column {extra} is not known to this version")


def get_ready(tokenizer: str | None) -> None:
    """Loads what parts are checked with, before worker processes are forked.

    Args:
        tokenizer: that of the rows, as far as it can be told; None where it must wait.
    """
    for name in MESSAGE_COLUMNS:
        validator_of(f"{name}_row")
    if tokenizer is not None:
        load_early(tokenizer)
