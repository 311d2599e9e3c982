"""The contract's rules over a row of messages with state tokens."""

from collections.abc import Sequence
from itertools import pairwise, zip_longest

from .nouns import RELEASED, Row, Said, Utterance
from .report import Verdict
from .settings import Settings
from .shape import check_shape
from .statements import check_statements, fewest_pairs, is_statement
from .text import Cutter, Markers
from .types import check_first_cuts, check_resumed, check_type, unknown_in

SCOPE = ("shape", "type", "rule 1", "rule 4", "rule 5", "rule 6")
TOKENS = {"query": "<1>", "stop": "<1>", "statement": "<2>"}
_NO_SLICES = "duo holds no slices; that cuts lie on their boundaries is rule 4"


def check_duo(  # noqa: C901  # what must hold before the next may be asked, in order
    row: Row, settings: Settings, cutter: Cutter, markers: Markers, verdict: Verdict
) -> list[Said] | None:
    """Checks a row with its `utterances`; see `check_tdm`."""
    check_shape(row, verdict)
    for check in ("rule 2", "rule 3"):
        verdict.leave(check, _NO_SLICES)
    roles = row.roles or [("user", "assistant")[index % 2] for index in range(len(row.contents))]
    utterances, states = row.utterances or (), row.states or ()
    if len(states) != len(roles):
        verdict.breach("shape", f"{len(roles)} states, one a message", f"{len(states)}")
        return None
    for index, one in enumerate(utterances):
        if one.slices is not None:
            verdict.breach("shape", f"utterance {index}: slices null in duo", f"{one.slices}")
        if one.start >= len(roles):
            verdict.breach("shape", f"a start below {len(roles)} messages", f"{one.start}")
            return None
    bodies = _bodies(roles, row.contents, states, markers, verdict)
    strange = unknown_in(row)
    if strange:
        for check in ("type", "rule 1", "rule 2", "rule 4"):
            verdict.leave(check, strange)
        return None
    check_type(row, verdict)
    _check_messages(roles, row.contents, states, utterances, verdict)
    if "shape" in verdict.broken:
        return None
    said = [_said(one, over, bodies) for one, over in zip_longest(utterances, utterances[1:])]
    for each in said:
        if each.utterance.unheard:
            _check_cut(each, bodies[each.utterance.start], cutter, verdict)
    for answer, each in pairwise(said):
        if is_statement(each.utterance) and each.utterance.over:
            first = bodies[answer.utterance.start]
            _check_over(each, answer, len(first), row.language or "", cutter, verdict)
            _check_marker(answer.planned, markers, verdict)
    check_first_cuts(row, said, settings, cutter.slices, verdict)
    check_resumed(said, verdict)
    check_statements(said, row.language or "", settings, cutter, markers, verdict)
    return said


def _said(one: Utterance, following: Utterance | None, bodies: Sequence[str]) -> Said:
    heard = bodies[one.start]
    if following is not None and is_statement(following) and following.over:
        heard += bodies[following.start + 1]
    return Said(one, heard + one.unheard, None)


def _bodies(
    roles: Sequence[str],
    contents: Sequence[str],
    states: Sequence[str | None],
    markers: Markers,
    verdict: Verdict,
) -> list[str]:
    """The messages without their state tokens, none of which may hold a marker (rule 6)."""
    bodies = [_body(*one, verdict) for one in zip(roles, contents, states, strict=True)]
    for text in bodies:
        _check_marker(text, markers, verdict)
    return bodies


def _check_marker(text: str, markers: Markers, verdict: Verdict) -> None:
    marker = markers.first_in(text)
    if marker:
        verdict.breach("rule 6", "no bare marker in text", f"{marker} in {text[-60:]!r}")


def _body(role: str, content: str, state: str | None, verdict: Verdict) -> str:
    """A message without its state token, with what is wrong at its edges told."""
    if role != "user":
        if state is not None:
            verdict.breach("shape", "no state beside an assistant message", repr(state))
        return content
    token = TOKENS.get(state or "")
    if token is None:
        verdict.breach("shape", "query, statement or stop beside a user message", repr(state))
        token = TOKENS["query"]
    if not content.endswith(token):
        verdict.breach("shape", f"a user message that ends in {token}", repr(content[-20:]))
        return content.removesuffix("<1>").removesuffix("<2>")
    body = content[: -len(token)]
    if body != body.strip() or not body:
        verdict.breach("rule 1", f"trimmed user text, {token} directly at its end", repr(content))
    return body


def _check_messages(  # noqa: C901, PLR0912  # one walk along the messages, read in one piece
    roles: Sequence[str],
    contents: Sequence[str],
    states: Sequence[str | None],
    utterances: Sequence[Utterance],
    verdict: Verdict,
) -> None:
    """Where each utterance begins, and what else stands between and after them.

    That is the second part of an answer behind a statement over it, and the
    silence after a stop.
    """
    wanted: list[str] = []
    silence: int | None = None
    after_cut = asked = heard = False
    for index, one in enumerate(utterances):
        where = f"utterance {index} ({one.kind})"
        if one.start != len(wanted):
            verdict.breach("shape", f"{where} starts at message {len(wanted)}", f"{one.start}")
        if one.start < len(states) and one.state != states[one.start]:
            verdict.breach("shape", f"{where}: state {one.state}", repr(states[one.start]))
        wanted.append(one.role)
        if silence is not None:
            verdict.breach("shape", "the row ends after a stop", f"{where} is not its last")
        if is_statement(one):
            if not heard:
                verdict.breach(
                    "rule 3", f"{where} after an answer that is heard whole", "it is after none"
                )
            if one.over:
                before = utterances[index - 1]
                if index == 0 or before.role != "assistant":
                    verdict.breach("shape", f"{where}, over an answer, next to it", before.kind)
                wanted.append("assistant")
            continue
        if one.role == ("user" if asked else "assistant"):
            verdict.breach("shape", f"{where}: query and answer in turn", one.role)
        if one.over and not after_cut and index and utterances[index - 1].origin == RELEASED:
            verdict.leave("rule 4", f"{RELEASED}: where its cuts lie, as the rest is not known")
        elif one.role == "user" and one.over != after_cut:
            verdict.breach("rule 4", f"{where}: over is {after_cut}", f"{one.over}")
        after_cut = bool(one.unheard)
        asked = one.role == "user" and one.kind != "stop"
        heard = one.role == "assistant" and not after_cut
        if one.kind == "stop":
            silence = len(wanted)
            wanted.append("assistant")
    if asked:
        verdict.breach("shape", "an answer to the last query", "none")
    if after_cut:
        verdict.breach("rule 4", "an utterance of the user over the cut answer", "the row's end")
    _check_contents(roles, contents, wanted, silence, verdict)


def _check_contents(
    roles: Sequence[str],
    contents: Sequence[str],
    wanted: Sequence[str],
    silence: int | None,
    verdict: Verdict,
) -> None:
    """The messages that the utterances take; only that of the index `silence` is empty."""
    if len(roles) != len(wanted):
        verdict.breach("shape", f"{len(wanted)} messages for the utterances", f"{len(roles)}")
    for index, (role, content) in enumerate(zip(roles, contents, strict=True)):
        if index < len(wanted) and role != wanted[index]:
            verdict.breach("shape", f"message {index}: of the {wanted[index]}", role)
        silent = index == silence
        if role == "assistant" and (content == "") is not silent:
            verdict.breach(
                "shape",
                f"message {index}: {'nothing, after a stop' if silent else 'text'}",
                repr(content[:60]),
            )


def _check_over(
    one: Said, answer: Said, spoken: int, language: str, cutter: Cutter, verdict: Verdict
) -> None:
    """A statement over an answer begins where a slice of it begins, and fits into it (rule 3).

    How many slices it takes is drawn; it takes one for each six words at least.
    """
    slices, position = cutter.slices(answer.planned), 0
    last = len(slices) - 1 - fewest_pairs(one, language, cutter)
    for index, each in enumerate(slices):
        if position == spoken and 1 <= index <= last:
            return
        position += len(each)
    verdict.breach(
        "rule 3",
        f"a statement where one of the answer's {len(slices)} slices begins, over before its last",
        f"after {spoken} of {position} characters",
    )


def _check_cut(one: Said, heard: str, cutter: Cutter, verdict: Verdict) -> None:
    """The heard text ends where a slice of the planned text ends, but for the last (rule 4)."""
    slices, position = cutter.slices(one.planned), 0
    for spoken in slices[:-1]:
        position += len(spoken)
        if position == len(heard):
            return
        if position > len(heard):
            break
    verdict.breach(
        "rule 4",
        f"a cut at a boundary of the {len(slices)} slices of the planned text, not its end",
        f"heard up to {heard[-40:]!r}",
    )
