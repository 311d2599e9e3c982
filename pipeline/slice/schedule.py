"""Scripts laid out in time: which slice is heard in which pair (rule 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..chance import Chance
from ..dialogue import Script, Utterance
from .slicer import Slicer, Slices


@dataclass(frozen=True, slots=True)
class SlicedScript:
    """A script with the slices of its utterances and their places in time.

    Attributes:
        script: what was sliced.
        slices: for each utterance, the slices of its planned text.
        heard: for each utterance, how many of its slices are heard.
        starts: for each utterance, the pair in which its first slice is heard.
        pairs: how many pairs the conversation takes, the silent tail not counted.
    """

    script: Script
    slices: tuple[Slices, ...]
    heard: tuple[int, ...]
    starts: tuple[int, ...]
    pairs: int


def slice_script(script: Script, slicer: Slicer, seed: int) -> SlicedScript:
    """Cuts every utterance of a script and lays the slices out in pairs.

    The draws of a message's slices are keyed by its kind and its ordinal among
    those of its kind, so that an added utterance moves no other's.
    """
    chance = Chance(seed, script.keys)
    ordinals: dict[str, int] = {}
    slices: list[Slices] = []
    for utterance in script.utterances:
        if utterance.role == "assistant":
            slices.append(slicer.answer(utterance.text))
            continue
        ordinal = ordinals[utterance.kind] = ordinals.get(utterance.kind, -1) + 1
        draws = chance.of(f"words/{script.type}/{utterance.kind}/{ordinal}")
        slices.append(slicer.message(utterance.text, script.language, draws))
    heard = tuple(
        one.heard(utterance.heard) if utterance.cut else len(one)
        for utterance, one in zip(script.utterances, slices, strict=True)
    )
    starts, pairs = _starts(script.utterances, heard)
    return SlicedScript(script, tuple(slices), heard, starts, pairs)


def _starts(utterances: Sequence[Utterance], heard: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """The first pair of each utterance, and the pair after the last.

    An answer starts beside the last slice of the query it answers (Duplex-
    UltraChat, Figure 3a); everything else in the pair after what was heard
    before it.
    """
    starts: list[int] = []
    after = 0
    for utterance, count in zip(utterances, heard, strict=True):
        start = after - 1 if utterance.role == "assistant" else after
        starts.append(start)
        after = start + count
    return tuple(starts), after
