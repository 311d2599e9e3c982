"""What rows are checked with: the same for all of them, in whatever process."""

from dataclasses import dataclass
from typing import Any

from .settings import Settings
from .text import Cutter, Markers, compile_markers
from .tokens import SameTokenizer


@dataclass(frozen=True, slots=True)
class Bench:
    """What each row is checked with. A worker process has one, for all that it is sent.

    Attributes:
        settings: what the rows were made with.
        tokenizer: the one that made them.
        cutter: cuts texts again with it.
        markers: what no text may hold.
        compared: whether rows are compared with a source.
    """

    settings: Settings
    tokenizer: SameTokenizer
    cutter: Cutter
    markers: Markers
    compared: bool

    def __reduce__(self) -> tuple[Any, ...]:
        """Sends what it is made of."""
        return _bench_here, (self.settings, self.compared)


def make_bench(settings: Settings, *, compared: bool) -> Bench:
    """A bench, whose tokenizer is not loaded yet."""
    tokenizer = SameTokenizer(settings.tokenizer, settings.identity)
    cutter = Cutter(tokenizer, settings.slice_tokens)
    return Bench(settings, tokenizer, cutter, compile_markers(settings.markers), compared)


_here: list[Bench] = []


def _bench_here(settings: Settings, compared: bool) -> Bench:
    """The bench of this worker process, made anew only where it would be another."""
    if not _here or (_here[0].settings, _here[0].compared) != (settings, compared):
        _here[:] = [make_bench(settings, compared=compared)]
    return _here[0]
