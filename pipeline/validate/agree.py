"""Whether the texts of a row are those of the source dialogues that it names."""

from collections.abc import Sequence

from .budget import Budget, unneeded
from .merge import Fits, Order, TooManyWaysError, find_merge
from .nouns import EDITED, Said, SourceDialogue
from .report import Verdict
from .text import Cutter, Markers, ends_in, slices_fault

_BESIDE = ("statement", "aside", "resumption")
"""The kinds of utterances that are no turns of a dialogue."""


def check_source(
    said: Sequence[Said],
    row_type: str,
    dialogues: Sequence[SourceDialogue],
    language: str,
    cutter: Cutter,
    markers: Markers,
    budget: Budget | None,
    of_rows: bool,
    verdict: Verdict,
) -> None:
    """Checks that a row says its dialogues, each in order and as far as its type says.

    Statements, asides and resumptions are no turns of a dialogue and are passed over.

    Args:
        said: what is said in the row, in order.
        row_type: one that is known here.
        dialogues: those that it names, in its order.
        language: of the row.
        cutter: cuts texts into slices and words.
        markers: what is defused in the source's texts.
        budget: for which whole rounds may be missing, or None.
        of_rows: whether it may have been made of a row, whose slices were others.
        verdict: takes what is found.
    """
    beside = [one for one in said if one.utterance.kind in _BESIDE]
    said = [one for one in said if one.utterance.kind not in _BESIDE]
    if row_type == "topic_interweaving":
        _check_interwoven(said, dialogues, language, cutter, markers, budget, verdict)
        return
    cuts = _first_cuts(dialogues, cutter, markers)
    ways = _ways_cut_as_said(said, dialogues, markers, budget) if of_rows else []
    if isinstance(cuts, list):
        turns = _turns_of(dialogues, cuts, markers)
        ways[:0] = [(turns, front) for front in _fronts(said, row_type, turns, budget)]
    elif not ways:
        verdict.breach("rule 4", f"an answer that can be cut in dialogue {cuts}", "none")
        return
    tried: list[Verdict] = []
    for turns, front in ways:
        one, before = Verdict(()), turns[: 2 * front]
        there = _repeated(said, row_type, turns[2 * front :])
        after = _check_turns(said, there, language, cutter, one)
        if after and (budget is None or not budget.end or len(after) % 2):
            one.breach("source", f"a turn more: {after[0][:60]!r}", "the row's end")
        missing = before[-2:] or after[:2]
        kept = (
            unneeded(said, beside, there, missing, budget, cutter) if budget and missing else None
        )
        if kept and budget:
            one.breach("budget", f"a row of up to {budget.max_tokens} tokens", kept)
        tried.append(one)
        if not one.broken:
            break
    verdict.take_best(tried)


def _fronts(
    said: Sequence[Said], row_type: str, turns: Sequence[str], budget: Budget | None
) -> Sequence[int]:
    """How many of the source's first rounds may be missing in a row."""
    if budget is None or not budget.front:
        return (0,)
    stops = bool(said) and said[-1].utterance.kind == "stop"
    again = row_type == "regeneration"
    spare = max(0, len(turns) + 2 * again - (len(said) - stops)) // 2
    return range(spare + 1) if stops or budget.end else (spare,)


def _repeated(said: Sequence[Said], row_type: str, turns: Sequence[str]) -> Sequence[str]:
    """The turns as a row says them: in regeneration a message and its answer twice."""
    if row_type != "regeneration":
        return turns
    again = next((at for at, one in enumerate(said) if one.utterance.kind == "repeat"), 0)
    return [*turns[:again], *turns[max(0, again - 2) : again], *turns[again:]]


def _check_turns(
    said: Sequence[Said], turns: Sequence[str], language: str, cutter: Cutter, verdict: Verdict
) -> Sequence[str]:
    """Checks utterances against turns; gives the turns that follow the last, after a stop none."""
    for index, one in enumerate(said):
        if one.utterance.kind == "stop":
            return ()
        if index >= len(turns):
            verdict.breach("source", f"{len(turns)} turns", f"{len(said)} utterances")
            return ()
        if one.utterance.role == "assistant":
            _check_answer(one, turns[index], index, verdict)
        else:
            _check_user(one, turns[index], language, cutter, verdict)
    return turns[len(said) :]


def _first_cuts(
    dialogues: Sequence[SourceDialogue], cutter: Cutter, markers: Markers
) -> list[int] | int:
    """The first answer that can be cut of each dialogue but the last.

    The number of a dialogue, from 1, that has none.
    """
    cuts = []
    for number, dialogue in enumerate(dialogues[:-1], 1):
        answers = enumerate(dialogue.turns[1::2])
        first = next(
            (at for at, text in answers if len(cutter.slices(markers.defused(text))) > 1), None
        )
        if first is None:
            return number
        cuts.append(first)
    return cuts


def _turns_of(
    dialogues: Sequence[SourceDialogue], cuts: Sequence[int], markers: Markers
) -> list[str]:
    """The source's turns that a row says, defused.

    An interjection is the dialogue's next message, and a reset the first of the next dialogue.

    Args:
        dialogues: in the row's order.
        cuts: the answer of each but the last that is cut, from 0.
        markers: what is defused.
    """
    *cut_short, whole = dialogues
    turns: list[str] = []
    for dialogue, cut in zip(cut_short, cuts, strict=True):
        turns += dialogue.turns[: 2 * cut + 2]
    turns += whole.turns
    return [
        markers.defused(text if number % 2 else text.strip()) for number, text in enumerate(turns)
    ]


def _ways_cut_as_said(
    said: Sequence[Said],
    dialogues: Sequence[SourceDialogue],
    markers: Markers,
    budget: Budget | None,
) -> list[tuple[list[str], int]]:
    """The turns with the cuts where the row has them, and how many first rounds are missing."""
    cuts: list[int] = []
    rounds = 0
    for one in said:
        if one.utterance.role == "assistant":
            if one.utterance.unheard and len(cuts) < len(dialogues) - 1:
                cuts.append(rounds)
                rounds = -1
            rounds += 1
    if not cuts or len(cuts) < len(dialogues) - 1:
        return []
    missing = len(dialogues[0].turns) // 2 if budget and budget.front else 1
    return [
        (_turns_of(dialogues, [cuts[0] + front, *cuts[1:]], markers), front)
        for front in range(missing)
    ]


def _check_interwoven(  # noqa: C901  # each way in which the search can fail is told apart
    said: Sequence[Said],
    dialogues: Sequence[SourceDialogue],
    language: str,
    cutter: Cutter,
    markers: Markers,
    budget: Budget | None,
    verdict: Verdict,
) -> None:
    """Checks that a row is a merge of the dialogues' rounds, each dialogue whole and in order.

    With a budget first or last rounds of the row may be missing.
    """
    if any(one.utterance.origin == EDITED for one in said):
        verdict.leave("source", "a person edited a text of it")
        return
    theirs = [
        [
            (markers.defused(message.strip()), markers.defused(answer))
            for message, answer in zip(one.turns[::2], one.turns[1::2], strict=True)
        ]
        for one in dialogues
    ]
    rounds = [len(one) for one in theirs]
    total = len(said) // 2
    whole = budget is None and total == sum(rounds)
    if len(said) % 2 or not (whole or (budget is not None and total <= sum(rounds))):
        verdict.breach(
            "source",
            f"{sum(rounds)} rounds, those of {len(rounds)} dialogues",
            f"{len(said)} utterances",
        )
        return
    spoken = [_unspaced(" ".join(one.slices or (one.planned,))) for one in said[::2]]

    def alike(index: int, whose: int, number: int) -> bool:
        message, answer = theirs[whose][number]
        return said[2 * index + 1].planned == answer and spoken[index] == _unspaced(message)

    def same(index: int, whose: int, number: int) -> bool:
        if not alike(index, whose, number):
            return False
        told = Verdict(())
        _check_user(said[2 * index], theirs[whose][number][0], language, cutter, told)
        return not told.broken

    sides = budget.sides if budget is not None else {"front": False, "end": False}

    def merge(fits: Fits, *, ordered: bool, returning: bool) -> tuple[Order | None, int]:
        return find_merge(rounds, fits, ordered=ordered, returning=returning, total=total, **sides)

    try:
        if merge(same, ordered=True, returning=True)[0] is not None:
            return
        # The texts may be there, and their slices be wrong.
        order, furthest = merge(alike, ordered=True, returning=True)
        returns_never = merge(alike, ordered=True, returning=False)[0]
        disordered = merge(alike, ordered=False, returning=False)[0]
    except TooManyWaysError:
        verdict.leave("source", "too many of its rounds could be several dialogues'")
        return
    if order is not None:
        for index, (whose, number) in enumerate(order):
            message = theirs[whose][number][0]
            _check_user(said[2 * index], message, language, cutter, verdict)
    elif returns_never is not None:
        verdict.breach("type", "a dialogue that is left and returned to", "none")
    elif disordered is not None:
        verdict.breach("type", "source_ids in the order in which each begins", "another order")
    else:
        found = " ".join(said[2 * furthest].slices or (said[2 * furthest].planned,))
        verdict.breach(
            "source",
            f"round {furthest + 1}: the next round of one of the {len(rounds)} dialogues",
            repr(found),
        )


def _unspaced(text: str) -> str:
    """The text without white space, which user slices hold only in part."""
    return "".join(text.split())


def _check_answer(one: Said, text: str, index: int, verdict: Verdict) -> None:
    if one.utterance.kind == "new_answer" and one.utterance.origin != "source":
        verdict.leave("source", f"how {one.utterance.origin} answered anew")
        return
    if one.utterance.origin == EDITED:
        verdict.leave("source", "a person edited a text of it")
        return
    if one.planned != text:
        at = next(
            (place for place, (a, b) in enumerate(zip(one.planned, text, strict=False)) if a != b),
            min(len(one.planned), len(text)),
        )
        begin = max(0, at - 20)
        verdict.breach(
            "source",
            f"turn {index + 1} of the source, character {at}: {text[begin : at + 40]!r}",
            repr(one.planned[begin : at + 40]),
        )


def _check_user(one: Said, message: str, language: str, cutter: Cutter, verdict: Verdict) -> None:
    """A user's text is the message, if it is the source's, or ends in it."""
    if one.utterance.origin == "source":
        if one.slices is None:
            if one.planned != message:
                verdict.breach("source", repr(message), repr(one.planned))
            return
        spans = cutter.words(message, language) if language == "zh" else None
        fault = slices_fault(one.slices, message, spans)
        if fault:
            verdict.breach(*fault)
        elif one.joined is not None and one.joined != message:
            _tell_spaces(one.joined, message, verdict)
        return
    if one.utterance.origin == EDITED:
        verdict.leave("source", "a person edited a text of it")
        return
    if one.utterance.origin != "offline":
        verdict.leave("source", f"how {one.utterance.origin} put the source's words")
        return
    _check_fused(one, message, verdict)


def _check_fused(one: Said, message: str, verdict: Verdict) -> None:
    """A text that was joined offline ends in the message, which may have lost its capital."""
    lowered = message[:1].lower() + message[1:]
    if one.slices is None:
        text = one.planned
        whole, ended = text in (message, lowered), text.endswith((message, lowered))
    else:
        text = " ".join(one.slices)
        joined, wanted = "".join(text.split()), "".join(message.split())
        whole = len(joined) <= len(wanted)
        ended = ends_in(one.slices, message) or ends_in(one.slices, lowered)
    if whole or not ended:
        verdict.breach("source", f"a transition, then {message!r}", repr(text))
    elif one.joined is not None and not one.joined.endswith((message, lowered)):
        _tell_spaces(one.joined[-len(message) :], message, verdict)


def _tell_spaces(found: str, message: str, verdict: Verdict) -> None:
    at = next(
        (place for place, (a, b) in enumerate(zip(found, message, strict=False)) if a != b),
        min(len(found), len(message)),
    )
    begin = max(0, at - 20)
    wanted = f"between its slices, as in the source: {message[begin : at + 20]!r}"
    verdict.breach("spaces", wanted, repr(found[begin : at + 20]))
