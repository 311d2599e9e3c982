"""A figure: what is to be reached, what was measured, and a table of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        number: of the figure.
        name: what is measured.
        values: one a run.
        bound: what is to be reached; None is for information alone.
        least: whether the bound is the least or the most that reaches it.
        unit: of values and bound; empty for a ratio.
        by_cpu: of a ratio of times, the same ratio of CPU seconds, which other work on
            the machine disturbs less.
    """

    number: str
    name: str
    values: tuple[float, ...]
    bound: float | None = None
    least: bool = True
    unit: str = ""
    by_cpu: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        """Of the values."""
        return median(self.values)

    @property
    def result(self) -> str:
        """`pass`, `miss`, or a dash where there is nothing to reach."""
        if self.bound is None:
            return "–"
        reached = self.median >= self.bound if self.least else self.median <= self.bound
        return "pass" if reached else "miss"

    @property
    def target(self) -> str:
        """The bound, for people."""
        if self.bound is None:
            return "–"
        return f"{'≥' if self.least else '≤'} {_shown(self.bound, self.unit)}"

    def as_dict(self) -> dict[str, object]:
        """Plain values."""
        return {
            "figure": self.number,
            "name": self.name,
            "bound": self.bound,
            "least": self.least,
            "unit": self.unit,
            "median": self.median,
            "values": list(self.values),
            "by_cpu": list(self.by_cpu),
            "result": self.result,
        }


def _shown(value: float, unit: str) -> str:
    return f"{value:.2f} {unit}".strip()


def markdown_table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table, a figure a line."""
    return "\n".join(_figure_lines(figures)) + "\n"


def _figure_lines(figures: Iterable[Figure]) -> Iterator[str]:
    yield "| | figure | target | median | spread | |"
    yield "|---|---|---:|---:|---:|---|"
    for one in figures:
        spread = f"{min(one.values):.2f}–{max(one.values):.2f}"
        middle = _shown(one.median, one.unit)
        yield f"| {one.number} | {one.name} | {one.target} | {middle} | {spread} | {one.result} |"


@dataclass(frozen=True, slots=True)
class Times:
    """What the runs of one side took.

    Attributes:
        group: the figures it was measured for.
        side: what was run.
        seconds: of wall time, one a run.
        user: seconds of CPU, one a run.
        system: the same, in the kernel.
        peaks: bytes of memory, one a run, where watched.
        pairs: slice pairs that a build wrote.
    """

    group: str
    side: str
    seconds: tuple[float, ...]
    user: tuple[float, ...]
    system: tuple[float, ...]
    peaks: tuple[int, ...] = ()
    pairs: int = 0

    @property
    def cpu(self) -> tuple[float, ...]:
        """Seconds of CPU, user's and kernel's, one a run."""
        return tuple(map(sum, zip(self.user, self.system, strict=True)))


def times_table(times: Iterable[Times]) -> str:
    """The medians of all sides as a Markdown table."""
    lines = [
        "| figures | side | seconds | user | system | slice pairs |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for one in times:
        medians = " | ".join(f"{median(each):.2f}" for each in (one.seconds, one.user, one.system))
        pairs = f"{one.pairs:,}" if one.pairs else ""
        lines.append(f"| {one.group} | {one.side} | {medians} | {pairs} |")
    return "\n".join(lines) + "\n"


def ratio(
    number: str, name: str, over: Times, under: Times, bound: float | None, *, least: bool = True
) -> Figure:
    """The times of one side over those of the other, run by run."""
    return Figure(
        number,
        name,
        _divided(over.seconds, under.seconds),
        bound,
        least,
        by_cpu=_divided(over.cpu, under.cpu),
    )


def ratio_a_pair(number: str, name: str, over: Times, under: Times, bound: float) -> Figure:
    """The times a written slice pair of one side over those of the other, at most `bound`."""
    scale = under.pairs / over.pairs
    return Figure(
        number,
        name,
        tuple(scale * one for one in _divided(over.seconds, under.seconds)),
        bound,
        least=False,
        by_cpu=tuple(scale * one for one in _divided(over.cpu, under.cpu)),
    )


def _divided(over: Sequence[float], under: Sequence[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(over, under, strict=True))
