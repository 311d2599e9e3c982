"""Where an answer can be cut (rule 4), and cutting it."""

from collections.abc import Callable, Sequence

from ..dialogue import Utterance
from ..slice.slicer import Slicer

CutPlaces = Callable[[str], Sequence[int]]
"""From an answer's text to the code points at which it can be cut."""


def cut_places(slicer: Slicer) -> CutPlaces:
    """An answer can be cut after any of its slices but the last, so from 2 slices on."""
    return lambda text: slicer.answer(text).inner_ends()


def cut(utterance: Utterance, heard: int) -> Utterance:
    """The utterance, of which only the first `heard` code points are spoken."""
    return utterance._replace(heard=heard)
