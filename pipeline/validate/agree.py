"""Whether the texts of a row are those of the source dialogue that it names."""

from collections.abc import Sequence

from .nouns import Said, SourceDialogue
from .report import Verdict
from .text import Cutter, Markers, ends_in, slices_fault


def check_source(
    said: Sequence[Said],
    dialogue: SourceDialogue,
    language: str,
    cutter: Cutter,
    markers: Markers,
    verdict: Verdict,
) -> None:
    """Checks that a row says its dialogue, in order and to the end, or to the stop.

    In both types an interjection is the dialogue's next message, so that the
    utterance `i` of a row and the turn `i` of its dialogue are one.
    """
    for index, one in enumerate(said):
        if one.utterance.kind == "stop":
            return
        if index >= len(dialogue.turns):
            verdict.breach("source", f"{len(dialogue.turns)} turns", f"{len(said)} utterances")
            return
        turn = dialogue.turns[index]
        if one.utterance.role == "assistant":
            _check_answer(one, markers.defused(turn), index, verdict)
        else:
            _check_user(one, markers.defused(turn.strip()), language, cutter, verdict)
    if len(said) < len(dialogue.turns):
        left = dialogue.turns[len(said)]
        verdict.breach("source", f"a turn more: {left[:60]!r}", "the row's end")


def _check_answer(one: Said, text: str, index: int, verdict: Verdict) -> None:
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
