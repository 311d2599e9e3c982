"""The contract's rules over a row of messages with state tokens."""

from collections.abc import Sequence

from .nouns import Row, Said, Utterance
from .report import Verdict
from .shape import check_shape, check_type, unknown_in
from .text import Cutter, Markers

SCOPE = ("shape", "type", "rule 1", "rule 4", "rule 5", "rule 6")
TOKENS = {"query": "<1>", "stop": "<1>", "statement": "<2>"}


def check_duo(  # noqa: C901  # what must hold before the next may be asked, in order
    row: Row, cutter: Cutter, markers: Markers, verdict: Verdict
) -> list[Said] | None:
    """Checks a row with its `utterances`; see `check_tdm`."""
    check_shape(row, verdict)
    for check in ("rule 2", "rule 3"):
        verdict.leave(check, "duo holds no slices; that cuts lie on their boundaries is rule 4")
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
    said = [_said(one, bodies) for one in utterances]
    for each in said:
        if each.utterance.unheard:
            _check_cut(each, bodies[each.utterance.start], cutter, verdict)
    return said


def _said(one: Utterance, bodies: Sequence[str]) -> Said:
    return Said(one, bodies[one.start] + one.unheard, None)


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
        marker = markers.first_in(text)
        if marker:
            verdict.breach("rule 6", "no bare marker in text", f"{marker} in {text[-60:]!r}")
    return bodies


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


def _check_messages(
    roles: Sequence[str],
    contents: Sequence[str],
    states: Sequence[str | None],
    utterances: Sequence[Utterance],
    verdict: Verdict,
) -> None:
    """Messages and utterances one to one, in turn, but for the silence after a stop."""
    stops = [index for index, one in enumerate(utterances) if one.kind == "stop"]
    wanted = len(utterances) + len(stops)
    if len(roles) != wanted:
        verdict.breach(
            "shape", f"{wanted} messages for {len(utterances)} utterances", f"{len(roles)}"
        )
    if stops and stops != [len(utterances) - 1]:
        verdict.breach("shape", "the row ends after a stop", f"stop is utterance {stops[0]}")
    after_cut = False
    for index, one in enumerate(utterances):
        where = f"utterance {index} ({one.kind})"
        if one.start != index:
            verdict.breach("shape", f"{where} starts at message {index}", f"{one.start}")
        if one.role != ("user", "assistant")[index % 2]:
            verdict.breach("shape", f"{where}: user and assistant in turn", one.role)
        if one.start < len(states) and one.state != states[one.start]:
            verdict.breach("shape", f"{where}: state {one.state}", repr(states[one.start]))
        if one.role == "user" and one.over != after_cut:
            verdict.breach("rule 4", f"{where}: over is {after_cut}", f"{one.over}")
        after_cut = bool(one.unheard)
    if after_cut:
        verdict.breach("rule 4", "an utterance of the user over the cut answer", "the row's end")
    _check_contents(roles, contents, wanted - 1 if stops else None, verdict)


def _check_contents(
    roles: Sequence[str], contents: Sequence[str], silence: int | None, verdict: Verdict
) -> None:
    """User and assistant in turn; only the message of the index `silence` is empty."""
    for index, (role, content) in enumerate(zip(roles, contents, strict=True)):
        if role != ("user", "assistant")[index % 2]:
            verdict.breach("shape", f"message {index}: user and assistant in turn", role)
        silent = index == silence
        if role == "assistant" and (content == "") is not silent:
            verdict.breach(
                "shape",
                f"message {index}: {'nothing, after a stop' if silent else 'text'}",
                repr(content[:60]),
            )
    if len(roles) % 2:
        verdict.breach("shape", "an assistant message at the end", roles[-1])


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
