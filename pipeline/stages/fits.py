"""Whether a script that a person changed can be sliced: its cuts, its places, its length."""

from collections.abc import Iterator

from ..dialogue import Script
from ..recipe import Recipe
from ..slice.schedule import SlicedScript
from ..slice.slicer import Slicer

_SHOWN = 8


def faults(sliced: SlicedScript, slicer: Slicer, recipe: Recipe) -> Iterator[str]:
    """What of a sliced script breaks a rule, in words."""
    script = sliced.script
    answer = -1
    for number, one in enumerate(script.utterances):
        bare = next((marker for marker in recipe.markers if marker in one.text), None)
        if bare:
            yield f"utterance {number} holds the control token {bare}; put U+2060 behind its <"
        if one.role == "assistant":
            answer = number
            if one.cut:
                yield from _places(script, number, one.heard, "heard", slicer)
        elif one.state == "statement" and one.at >= 0:
            yield from _places(script, answer, one.at, "at", slicer)
            first, last = sliced.starts[number], sliced.starts[number] + sliced.heard[number] - 1
            end = sliced.starts[answer] + sliced.heard[answer] - 1
            if not sliced.starts[answer] < first <= last < end:
                yield (
                    f"utterance {number} must begin after the first slice of the answer and end "
                    "before its last; set at to null, and it comes after it"
                )
    if recipe.max_tokens is not None:
        tokens = sum(slicer.tokens(one.text[: one.heard]) for one in script.utterances)
        if tokens > recipe.max_tokens:
            yield f"it is {tokens} tokens of text, more than max_tokens ({recipe.max_tokens})"


def _places(script: Script, number: int, place: int, name: str, slicer: Slicer) -> Iterator[str]:
    """Whether a place in an answer is the end of one of its slices, but for the last."""
    ends = slicer.answer(script.utterances[number].text).code_point_ends().tolist()[:-1]
    if place not in ends:
        near = sorted(sorted(ends, key=lambda end: abs(end - place))[:_SHOWN])
        yield (
            f"{name} {place} is no end of a slice of utterance {number}: "
            + (f"its slices end at {', '.join(map(str, near))}" if near else "it has one slice")
        )
