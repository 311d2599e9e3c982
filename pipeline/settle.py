"""Scripts settled: what was cut by another tokenizer, or edited, put on slice boundaries again.

A script that is built by the recipe that it was made with is settled already.
"""

from collections import Counter

import numpy as np

from .dialogue import Script, Utterance
from .slice.schedule import slice_message
from .slice.slicer import Slicer


def settled(script: Script, slicer: Slicer, seed: int) -> Script | None:
    """The script with its cuts and statements at places that rules 3 and 4 allow.

    A cut moves on to the next boundary, or back to the last; but not back where the
    assistant resumes, which would leave out what it then skips. A statement over an answer
    moves back, and as far as it takes to end before the answer does. Where it fits nowhere
    it is put after the answer.

    Args:
        script: what is settled.
        slicer: cuts texts, as the script will be.
        seed: of all chance.

    Returns:
        The script; None where there is no such place for a cut.
    """
    ordinals: Counter[str] = Counter()
    utterances: list[Utterance] = []
    answer: Utterance | None = None
    kinds = [one.kind for one in script.utterances]
    for number, one in enumerate(script.utterances):
        if one.role == "assistant":
            may_go_back = "resumption" not in kinds[number + 1 : number + 3]
            answer = _settled_cut(one, slicer, may_go_back=may_go_back) if one.cut else one
            if answer is None:
                return None
            utterances.append(answer)
            continue
        ordinal = ordinals[one.kind]
        ordinals[one.kind] += 1
        if one.at < 0 or answer is None:
            utterances.append(one)
        elif one.state == "statement":
            utterances.append(_in_time(one, answer, script, ordinal, slicer, seed))
        else:
            utterances.append(one._replace(at=answer.heard))
    return script._replace(utterances=tuple(utterances))


def with_statements_in_time(script: Script, slicer: Slicer, seed: int) -> Script:
    """The script with statements over answers as far back as it takes to end before these.

    One more statement before another changes where that is cut. A place that is no boundary
    stays as it is: a person put it there, and is told.
    """
    ordinal = -1
    utterances: list[Utterance] = []
    answer: Utterance | None = None
    for one in script.utterances:
        answer = one if one.role == "assistant" else answer
        ordinal += one.kind == "statement"
        if (
            answer
            and one.kind == "statement"
            and one.at in slicer.answer(answer.text).code_point_ends()
        ):
            utterances.append(_in_time(one, answer, script, ordinal, slicer, seed))
        else:
            utterances.append(one)
    return script._replace(utterances=tuple(utterances))


def _in_time(
    statement: Utterance, answer: Utterance, script: Script, ordinal: int, slicer: Slicer, seed: int
) -> Utterance:
    """A statement at a place over an answer where it ends before that does, else after it."""
    pairs = len(slice_message(script, statement, ordinal, slicer, seed))
    return statement._replace(at=_settled_place(statement.at, answer, pairs, slicer))


def _settled_cut(answer: Utterance, slicer: Slicer, *, may_go_back: bool) -> Utterance | None:
    places = slicer.answer(answer.text).code_point_ends()[:-1]
    following = int(np.searchsorted(places, answer.heard))
    if following == len(places):
        if not len(places) or not may_go_back:
            return None
        following -= 1
    return answer._replace(heard=int(places[following]))


def _settled_place(at: int, answer: Utterance, pairs: int, slicer: Slicer) -> int:
    """Where a statement of so many slices can begin; -1 if nowhere."""
    ends = slicer.answer(answer.text).code_point_ends()
    places = len(ends) - 1 - pairs
    if places < 1:
        return -1
    before = int(np.searchsorted(ends, at, side="right"))
    return int(ends[min(max(before, 1), places) - 1])
