"""Whether the texts of a row are those of the source dialogues that it names."""

from collections.abc import Sequence

from .merge import TooManyWaysError, find_merge
from .nouns import Said, SourceDialogue
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
        verdict: takes what is found.
    """
    said = [one for one in said if one.utterance.kind not in _BESIDE]
    if row_type == "topic_interweaving":
        _check_interwoven(said, dialogues, language, cutter, markers, verdict)
        return
    turns = _turns_of(said, row_type, dialogues, cutter, markers, verdict)
    if turns is None:
        return
    for index, one in enumerate(said):
        if one.utterance.kind == "stop":
            return
        if index >= len(turns):
            verdict.breach("source", f"{len(turns)} turns", f"{len(said)} utterances")
            return
        turn = turns[index]
        if one.utterance.role == "assistant":
            _check_answer(one, markers.defused(turn), index, verdict)
        else:
            _check_user(one, markers.defused(turn.strip()), language, cutter, verdict)
    if len(said) < len(turns):
        left = turns[len(said)]
        verdict.breach("source", f"a turn more: {left[:60]!r}", "the row's end")


def _turns_of(
    said: Sequence[Said],
    row_type: str,
    dialogues: Sequence[SourceDialogue],
    cutter: Cutter,
    markers: Markers,
    verdict: Verdict,
) -> list[str] | None:
    """The source's turns that a row says, one an utterance; None, and a breach, if it cannot.

    An interjection is the dialogue's next message, a repeat is the last one
    again, and a reset the first of the next dialogue.
    """
    *cut_short, whole = dialogues
    turns: list[str] = []
    for number, dialogue in enumerate(cut_short, 1):
        answers = enumerate(dialogue.turns[1::2])
        first = next(
            (at for at, text in answers if len(cutter.slices(markers.defused(text))) > 1), None
        )
        if first is None:
            verdict.breach("rule 4", f"an answer that can be cut in dialogue {number}", "none")
            return None
        turns += dialogue.turns[: 2 * first + 2]
    turns += whole.turns
    if row_type == "regeneration":
        again = next((at for at, one in enumerate(said) if one.utterance.kind == "repeat"), 0)
        turns[again:again] = turns[max(0, again - 2) : again]
    return turns


def _check_interwoven(  # noqa: C901  # each way in which the search can fail is told apart
    said: Sequence[Said],
    dialogues: Sequence[SourceDialogue],
    language: str,
    cutter: Cutter,
    markers: Markers,
    verdict: Verdict,
) -> None:
    """Checks that a row is a merge of the dialogues' rounds, each dialogue whole and in order."""
    theirs = [
        [
            (markers.defused(message.strip()), markers.defused(answer))
            for message, answer in zip(one.turns[::2], one.turns[1::2], strict=True)
        ]
        for one in dialogues
    ]
    rounds = [len(one) for one in theirs]
    if len(said) != 2 * sum(rounds):
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

    try:
        if find_merge(rounds, same, ordered=True, returning=True)[0] is not None:
            return
        # The texts may be there, and their slices be wrong.
        order, furthest = find_merge(rounds, alike, ordered=True, returning=True)
        returns_never = find_merge(rounds, alike, ordered=True, returning=False)[0]
        disordered = find_merge(rounds, alike, ordered=False, returning=False)[0]
    except TooManyWaysError:
        verdict.leave("source", "too many of its rounds could be several dialogues'")
        return
    if order is not None:
        for index, whose in enumerate(order):
            message = theirs[whose][order[:index].count(whose)][0]
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
    """A user's text is the message; an interjection's ends in it, if it was joined offline."""
    if one.utterance.origin == "source":
        if one.slices is None:
            if one.planned != message:
                verdict.breach("source", repr(message), repr(one.planned))
            return
        spans = cutter.words(message, language) if language == "zh" else None
        fault = slices_fault(one.slices, message, spans)
        if fault:
            verdict.breach(*fault)
        return
    if one.utterance.origin != "offline":
        verdict.leave("source", f"how {one.utterance.origin} put the source's words")
        return
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
