"""Whether a script that a person changed keeps the rules, and can be sliced.

The rules are those of `validate`, which looks at it as it would at the stage's folder.
"""

from collections.abc import Iterator
from pathlib import Path

from ..dialogue import Script
from ..errors import FolderError
from ..recipe import Recipe
from ..script_rows import script_row
from ..slice.schedule import SlicedScript
from ..slice.slicer import Slicer
from .edits import Found

_SHOWN = 8


def check_edited(
    found: Found, file: Path, slicer: Slicer, recipe: Recipe, *, distracted: bool
) -> None:
    """Checks the scripts that were changed since a stage wrote them.

    Args:
        found: the scripts of a block; none but the new are looked at.
        file: where they lie.
        slicer: cuts them later.
        recipe: of the run.
        distracted: whether statements were added.

    Raises:
        FolderError: one of them breaks a rule.
    """
    if not found.new:
        return
    from ..validate.script import script_breach  # with rule 7, whose patterns take time

    with_statements = recipe.as_dict() if distracted else None
    splits = {row.id: row.split for row in found.plan}
    for name, number in found.new.items():
        script = found.scripts[name]
        fault = next(_faults(script, slicer, recipe), None)
        if fault:
            raise FolderError(f"{file}, row {number} ({name}): {fault}")
        breach = script_breach(
            script_row(script, splits[name]),
            file=str(file),
            number=number,
            tokenizer=slicer.tokenizer,
            slice_tokens=recipe.slice_tokens,
            markers=recipe.markers,
            recipe=with_statements,
        )
        if breach:
            raise FolderError(str(breach))


def _faults(script: Script, slicer: Slicer, recipe: Recipe) -> Iterator[str]:
    """What of a script's texts and places is wrong, told so that it can be mended."""
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


def _places(script: Script, number: int, place: int, name: str, slicer: Slicer) -> Iterator[str]:
    """Whether a place in an answer is the end of one of its slices, but for the last."""
    ends = slicer.answer(script.utterances[number].text).code_point_ends().tolist()[:-1]
    if place not in ends:
        near = sorted(sorted(ends, key=lambda end: abs(end - place))[:_SHOWN])
        yield (
            f"{name} {place} is no end of a slice of utterance {number}: "
            + (f"its slices end at {', '.join(map(str, near))}" if near else "it has one slice")
        )


def length_fault(script: Script, slicer: Slicer, recipe: Recipe) -> str | None:
    """Whether a script, all of it being there, is longer than the budget."""
    if recipe.max_tokens is None:
        return None
    tokens = sum(slicer.tokens(one.text[: one.heard]) for one in script.utterances)
    if tokens <= recipe.max_tokens:
        return None
    return f"it is {tokens} tokens of text, more than max_tokens ({recipe.max_tokens})"


def place_fault(sliced: SlicedScript) -> str | None:
    """Whether a statement over an answer stands where none may: how long it is shows in slices."""
    answer = -1
    for number, one in enumerate(sliced.script.utterances):
        if one.role == "assistant":
            answer = number
        elif one.state == "statement" and one.at >= 0:
            first, last = sliced.starts[number], sliced.starts[number] + sliced.heard[number] - 1
            end = sliced.starts[answer] + sliced.heard[answer] - 1
            if not sliced.starts[answer] < first <= last < end:
                return (
                    f"utterance {number} must begin after the first slice of the answer and end "
                    "before its last; set at to null, and it comes after it"
                )
    return None
