"""What every row with an `utterances` column must be, whatever its format and type."""

from collections.abc import Sequence

from .nouns import Row, Utterance
from .report import Verdict

STATES = {
    "message": "query",
    "interjection": "query",
    "repeat": "query",
    "reset": "query",
    "aside": "query",
    "statement": "statement",
    "stop": "stop",
}
"""The state of each kind of user utterance."""

ASSISTANT_KINDS = ("answer", "new_answer", "resumption")


def check_shape(row: Row, verdict: Verdict) -> None:
    """Checks the columns of a row against each other, and rules 5 and 6 as far as they tell."""
    utterances = row.utterances or ()
    if not row.id or not row.type or not row.id.startswith(f"{row.type}-"):
        verdict.breach("shape", f"an id that begins with its type, {row.type}-", repr(row.id))
    if not row.language:
        verdict.breach("shape", "a language", repr(row.language))
    if not row.source_ids or len(set(row.source_ids)) < len(row.source_ids):
        verdict.breach("shape", "source_ids, each once", repr(list(row.source_ids)))
    if any(":" not in one for one in row.source_ids):
        verdict.breach("shape", "source_ids of the form <name>:<id>", repr(list(row.source_ids)))
    if not utterances:
        verdict.breach("shape", "at least one utterance", "none")
    wanted = generator_of(utterances)
    if row.generator != wanted:
        verdict.breach("shape", f"generator {wanted!r}, from the origins", repr(row.generator))
    before = (-1, 1)
    for index, one in enumerate(utterances):
        _check_utterance(one, index, verdict)
        here = (one.start, 0 if one.role == "user" else 1)
        if here <= before:
            verdict.breach(
                "shape",
                "utterances in order of begin, the user first where two begin together",
                f"utterance {index} ({one.role}) at {one.start} after one at {before[0]}",
            )
        before = here


def named(one: Utterance, index: int) -> str:
    """An utterance as a breach calls it."""
    return f"utterance {index} ({one.kind})"


def generator_of(utterances: Sequence[Utterance]) -> str:
    """`source`, or the other origins, sorted and joined by `+`."""
    others = {one.origin for one in utterances} - {"source"}
    return "+".join(sorted(others)) or "source"


def _check_utterance(  # noqa: C901  # a table of what each column may say
    one: Utterance, index: int, verdict: Verdict
) -> None:
    if not one.origin:
        verdict.breach("shape", f"{named(one, index)}: an origin", "an empty one")
    if one.role == "user":
        if one.kind in ASSISTANT_KINDS:
            verdict.breach("shape", f"{named(one, index)}: the role assistant", "user")
        wanted = STATES.get(one.kind)
        if wanted and one.state != wanted:
            verdict.breach("shape", f"{named(one, index)}: the state {wanted}", repr(one.state))
        if one.state not in ("query", "statement", "stop"):
            verdict.breach(
                "shape", f"{named(one, index)}: query, statement or stop", repr(one.state)
            )
        if one.unheard:
            verdict.breach(
                "rule 5", f"{named(one, index)}: nothing unheard, nobody cuts the user", one.unheard
            )
    elif one.role == "assistant":
        if one.kind in STATES:
            verdict.breach("shape", f"{named(one, index)}: the role user", "assistant")
        if one.state is not None:
            verdict.breach("shape", f"{named(one, index)}: no state", repr(one.state))
        if one.over:
            verdict.breach(
                "rule 5", f"{named(one, index)}: an assistant that begins over nobody", "over"
            )
    else:
        verdict.breach("shape", f"{named(one, index)}: the role user or assistant", repr(one.role))
