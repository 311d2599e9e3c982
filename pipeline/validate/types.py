"""What the type of a row allows: its kinds, its cuts, and how many dialogues it is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .nouns import EDITED, RELEASED, Row, Said, Utterance, was_released
from .report import Verdict
from .settings import Settings


@dataclass(frozen=True, slots=True)
class RowType:
    """What rows of a type hold.

    Attributes:
        kinds: of their utterances; any may hold statements too.
        sources: how many dialogues they are made of, at least and at most.
        cuts: how many answers are cut.
        cut_ins: the kinds of which one stands next to each cut answer, and nowhere else.
    """

    kinds: tuple[str, ...]
    sources: tuple[int, int] = (1, 1)
    cuts: int = 0
    cut_ins: tuple[str, ...] = ()

    @property
    def groups(self) -> bool:
        """Whether its rows are made of several dialogues, each used once in all of them."""
        return self.sources[1] > 1


ROW_TYPES: dict[str, RowType] = {
    "uninterrupted": RowType(("message", "answer")),
    "generation_termination": RowType(
        ("message", "answer", "interjection", "stop"), cuts=1, cut_ins=("interjection", "stop")
    ),
    "topic_interweaving": RowType(("message", "answer"), (3, 5)),
    "regeneration": RowType(
        ("message", "answer", "repeat", "new_answer"), cuts=1, cut_ins=("repeat",)
    ),
    "dialogue_reset": RowType(("message", "answer", "reset"), (5, 5), cuts=4, cut_ins=("reset",)),
    "back_on_topic": RowType(
        ("message", "answer", "aside", "resumption"), cuts=1, cut_ins=("aside",)
    ),
}
"""The types whose rules are written here; rows of others are said not to be proved."""

_STATEMENT = "statement"
_KINDS = {kind for one in ROW_TYPES.values() for kind in one.kinds} | {_STATEMENT}
_OF_SOURCE = ("message", "answer")
_WRITTEN = ("stop", "repeat", "aside", "resumption", _STATEMENT)
_WHOLE = ("new_answer", "resumption")
_SECOND_ANSWERS = {
    "regeneration": ("new_answer", "one new answer, to the repeat"),
    "back_on_topic": ("resumption", "one resumption, to the aside"),
}


def unknown_in(row: Row) -> str | None:
    """Why the rules of this version do not cover a row, or None where they do."""
    if row.type not in ROW_TYPES:
        return f"the type {row.type} is not known to this version"
    strange = sorted({one.kind for one in row.utterances or ()} - _KINDS)
    return f"the kind {strange[0]} is not known to this version" if strange else None


def check_type(row: Row, verdict: Verdict) -> None:
    """Checks what a type allows, of rows whose kinds are all known here."""
    row_type, utterances = ROW_TYPES[row.type or ""], row.utterances or ()
    if was_released(utterances):
        _check_released(row_type, utterances, verdict)
        return
    fewest, most = row_type.sources
    if not fewest <= len(row.source_ids) <= most:
        wanted = f"{fewest}-{most}" if fewest < most else f"{most}"
        verdict.breach("type", f"{wanted} source dialogues", f"{len(row.source_ids)}")
    if utterances and utterances[0].kind != "message":
        verdict.breach("type", "a message at first", utterances[0].kind)
    for one in utterances:
        _check_utterance(one, row_type, verdict)
    cuts = [index for index, one in enumerate(utterances) if one.unheard]
    cut_ins = [index for index, one in enumerate(utterances) if one.kind in row_type.cut_ins]
    if len(cuts) != row_type.cuts or cut_ins != [one + 1 for one in cuts]:
        verdict.breach(
            "type",
            f"{row_type.cuts} cut answers, and next to each one {' or '.join(row_type.cut_ins)}"
            if row_type.cuts
            else "no cut",
            f"cut: utterances {cuts}; {' or '.join(row_type.cut_ins) or 'cut-ins'}: {cut_ins}",
        )
    if row.type in _SECOND_ANSWERS:
        kind, wanted = _SECOND_ANSWERS[row.type]
        second = [index for index, one in enumerate(utterances) if one.kind == kind]
        if second != [one + 2 for one in cuts]:
            verdict.breach("type", wanted, f"cut: utterances {cuts}; {kind}: {second}")
    turns = sum(one.kind != _STATEMENT for one in utterances)
    if row.type == "topic_interweaving" and turns <= 2 * len(row.source_ids):
        # To come back to a dialogue takes a round more than there are dialogues.
        verdict.breach(
            "type",
            f"more than {len(row.source_ids)} rounds, one dialogue left and returned to",
            f"{turns} utterances",
        )


def _check_released(row_type: RowType, utterances: Sequence[Utterance], verdict: Verdict) -> None:
    """What is left to check of a row whose interruptions were found in slices."""
    verdict.leave("type", f"{RELEASED}: how many dialogues and cuts, and who wrote which text")
    cut_ins = (*row_type.cut_ins, "stop") if row_type.cut_ins else ()
    for index, one in enumerate(utterances):
        if one.kind not in (*row_type.kinds, *cut_ins, _STATEMENT):
            verdict.breach("type", f"the kinds {', '.join(row_type.kinds)}", one.kind)
        if one.kind != _STATEMENT and one.over != (one.kind in cut_ins):
            wanted = f"only {' or '.join(cut_ins) or 'nobody'} cutting in"
            verdict.breach("type", wanted, f"utterance {index} ({one.kind}): over {one.over}")


def check_first_cuts(
    row: Row,
    said: Sequence[Said],
    settings: Settings,
    slices_of: Callable[[str], Sequence[str]],
    verdict: Verdict,
) -> None:
    """Checks that a reset's cuts lie in the first answers that can be cut (rule 4)."""
    if row.type != "dialogue_reset" or was_released(row.utterances):
        return
    cuts = 0
    for index, one in enumerate(said):
        if one.utterance.role != "assistant" or cuts == ROW_TYPES["dialogue_reset"].cuts:
            continue
        if one.utterance.unheard:
            cuts += 1
        elif len(slices_of(one.planned)) > 1:
            if settings.of_rows:  # cut as it was then, it may have been one slice
                verdict.leave("rule 4", f"{row.type}: of a row, whose slices may have been others")
                return
            verdict.breach(
                "rule 4",
                "a cut in the first answer of two slices or more",
                f"utterance {index}, heard whole before cut {cuts + 1}",
            )


def check_resumed(said: Sequence[Said], verdict: Verdict) -> None:
    """Checks that a resumption says all that was not heard of the answer before it.

    Offline it ends in the cut answer's own words, from the cut or from before it on; the
    first of them may have lost its capital, and the white space before it be gone.
    """
    for cut, one in zip(said, said[2:], strict=False):
        if one.utterance.kind != "resumption":
            continue
        if one.utterance.origin != "offline":
            verdict.leave("type", f"that {one.utterance.origin} went on with what was unheard")
            continue
        rest, text = cut.utterance.unheard.lstrip(), one.planned
        lowered = rest[:1].lower() + rest[1:]
        if not text.endswith((rest, lowered)) or len(text) <= len(rest):
            verdict.breach(
                "type",
                f"a reply to the aside, then all that was unheard: ...{rest[-60:]!r}",
                repr(text[-len(rest) - 20 :]),
            )


def _check_utterance(one: Utterance, row_type: RowType, verdict: Verdict) -> None:
    if one.kind not in (*row_type.kinds, _STATEMENT):
        verdict.breach("type", f"the kinds {', '.join(row_type.kinds)}", one.kind)
    if one.origin == EDITED:
        verdict.leave("type", "a person edited a text of it")
    elif one.kind in _OF_SOURCE and one.origin != "source":
        verdict.breach("type", f"{one.kind} of origin source", repr(one.origin))
    if one.kind in _WRITTEN and one.origin == "source":
        verdict.breach("type", f"{one.kind} of another origin than source", repr(one.origin))
    if one.kind == "new_answer" and one.origin == "offline":
        verdict.breach("type", "a new answer of the source or of a model", repr(one.origin))
    if one.unheard and one.kind in _WHOLE:
        verdict.breach("type", f"{one.kind}, heard whole", "cut")
