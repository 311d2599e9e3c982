"""Rules 1 to 6 over a row of time slices, written from the contract."""

from collections.abc import Sequence
from operator import eq

from .nouns import RELEASED, Row, Said, Utterance
from .report import Verdict
from .settings import Settings
from .shape import check_shape, named
from .statements import check_statements, is_statement
from .text import IDLE, Cutter, Markers, counts_fault
from .types import check_first_cuts, check_resumed, check_type, unknown_in

SCOPE = ("shape", "type", "rule 1", "rule 2", "rule 3", "rule 4", "rule 5", "rule 6")

_TRIES = 3
"""How often white space is put between Chinese slices: each may move words around it."""


def check_tdm(
    row: Row,
    settings: Settings,
    cutter: Cutter,
    markers: Markers,
    verdict: Verdict,
    *,
    compared: bool,
) -> list[Said] | None:
    """Checks a row with its `utterances`.

    Args:
        row: the row.
        settings: what it was made with.
        cutter: cuts planned texts again.
        markers: what no text may hold.
        verdict: takes what is found.
        compared: whether the words of source texts are compared with the source
            afterwards, which tells more than the slices alone.

    Returns:
        What is said in it, in order; None where that cannot be made out.
    """
    check_shape(row, verdict)
    if row.roles is not None:
        verdict.breach("shape", "user, assistant, user, assistant, ...", _turn_fault(row.roles))
        return None
    user, assistant = row.contents[::2], row.contents[1::2]
    utterances = row.utterances or ()
    for one in utterances:
        if not one.slices or one.start + one.slices > len(user):
            verdict.breach(
                "rule 3",
                f"utterances inside the row's {len(user)} pairs, of one slice at least",
                f"start {one.start}, slices {one.slices}",
            )
            return None
    strange = unknown_in(row)
    if not row.laid_out:
        _check_cells(user, assistant, utterances, verdict)
    said = [_said(one, user, assistant) for one in utterances]
    for each in said:
        _check_markers(each, markers, verdict)
    if strange:
        for check in ("type", "rule 1", "rule 2", "rule 3", "rule 4"):
            verdict.leave(check, strange)
        return None
    check_type(row, verdict)
    _check_schedule(utterances, len(user), settings.tail_idle, verdict)
    for each in said:
        spoken = each.utterance
        if each.slices is None:
            cells = assistant[spoken.start : spoken.start + _count(spoken)]
            _check_planned(each, cells, cutter, verdict)
        else:
            known = compared and spoken.origin == "source"
            _check_user(each.slices, row.language or "", known, cutter, verdict)
    check_first_cuts(row, said, settings, cutter.slices, verdict)
    check_resumed(said, verdict)
    check_statements(said, row.language or "", settings, cutter, markers, verdict)
    return said


def _said(one: Utterance, user: Sequence[str], assistant: Sequence[str]) -> Said:
    span = slice(one.start, one.start + _count(one))
    if one.role == "user":
        return Said(one, "", user[span])
    return Said(one, "".join(assistant[span]) + one.unheard, None)


def _count(one: Utterance) -> int:
    return one.slices or 0


def _check_cells(
    user: Sequence[str], assistant: Sequence[str], utterances: Sequence[Utterance], verdict: Verdict
) -> None:
    """Text exactly where an utterance stands, `<idle>` exactly where none does (rule 3)."""
    for role, cells in (("user", user), ("assistant", assistant)):
        covered = end = 0
        for one in utterances:
            if one.role != role:
                continue
            if one.start < end:
                verdict.breach("rule 3", f"one {role} utterance at a time", f"two in {one.start}")
            end = one.start + _count(one)
            covered += _count(one)
            said = cells[one.start : end]
            # A statement over an answer may lie in the answer's run, never in its own silence.
            if IDLE in said:
                verdict.breach(
                    "rule 3",
                    f"text of the {role} in pairs {one.start} to {end - 1}",
                    f"{IDLE} in pair {one.start + said.index(IDLE)}",
                )
            if not all(said):
                verdict.breach(
                    "rule 2", "no empty slice", f"one in pair {one.start + said.index('')}"
                )
        silent = cells.count(IDLE)
        if silent != len(cells) - covered:
            verdict.breach(
                "rule 3",
                f"{len(cells) - covered} idle slices of the {role}, where it says nothing",
                f"{silent}",
            )


def _check_schedule(  # noqa: C901, PLR0912  # one walk along the pairs, read in one piece
    utterances: Sequence[Utterance], pairs: int, tail_idle: int, verdict: Verdict
) -> None:
    """Where each utterance starts, and where the row ends (rules 3, 4 and 5)."""
    cursor, answer_at, after_cut = 0, None, False
    heard: Utterance | None = None  # the answer before, if it is heard whole and may be remarked on
    silent = False  # whether the last of the row's utterances is a statement in silence
    for index, one in enumerate(utterances):
        if is_statement(one):
            if heard is None:
                verdict.breach(
                    "rule 3",
                    f"{named(one, index)} after an answer that is heard whole",
                    "it is after none",
                )
            if one.over:
                _check_over(one, utterances[index - 1], named(one, index), verdict)
                continue
            if one.start != cursor:
                verdict.breach(
                    "rule 3", f"{named(one, index)} starts in pair {cursor}", f"pair {one.start}"
                )
            cursor, silent = one.start + _count(one) + 1, True
            continue
        heard, silent = None, False
        if one.role == "user":
            if answer_at is not None:
                verdict.breach(
                    "rule 3",
                    f"{named(one, index)}: an answer before it",
                    "two of the user in a row",
                )
            if one.start != cursor:
                verdict.breach(
                    "rule 3", f"{named(one, index)} starts in pair {cursor}", f"pair {one.start}"
                )
            if one.over and not after_cut and _rest_unknown(utterances[:index]):
                verdict.leave("rule 4", f"{RELEASED}: where its cuts lie, as the rest is not known")
            elif one.over != after_cut:
                verdict.breach("rule 4", f"{named(one, index)}: over is {after_cut}", f"{one.over}")
            last = one.start + _count(one) - 1
            cursor, answer_at, after_cut = last + 1, last, False
            if one.kind == "stop":
                answer_at = None
                if index + 1 < len(utterances):
                    verdict.breach(
                        "rule 3",
                        "the row ends after a stop",
                        f"{named(one, index)} is not its last",
                    )
        else:
            if answer_at is None:
                verdict.breach("rule 3", f"{named(one, index)}: a query before it", "none")
            elif one.start < answer_at:
                verdict.breach(
                    "rule 5",
                    f"{named(one, index)} starts in pair {answer_at}, with the user's last slice",
                    f"pair {one.start}, over the user",
                )
            elif one.start != answer_at:
                verdict.breach(
                    "rule 3", f"{named(one, index)} starts in pair {answer_at}", f"pair {one.start}"
                )
            cursor, answer_at, after_cut = one.start + _count(one), None, bool(one.unheard)
            heard = None if after_cut else one
    if answer_at is not None:
        verdict.breach("rule 3", "an answer to the last query", "none")
    if after_cut:
        verdict.breach("rule 4", "an utterance of the user over the cut answer", "the row's end")
    # The silence that a statement leaves is the first pair of the tail.
    wanted = cursor + (max(0, tail_idle - 1) if silent else tail_idle)
    if pairs != wanted:
        idle = max(1, tail_idle) if silent else tail_idle
        verdict.breach(
            "rule 3", f"{wanted} pairs: {wanted - idle} with speech, {idle} idle", f"{pairs}"
        )


def _rest_unknown(before: Sequence[Utterance]) -> bool:
    """Whether the utterance before may have been cut without saying what was unheard."""
    return bool(before) and before[-1].role == "assistant" and before[-1].origin == RELEASED


def _check_over(one: Utterance, answer: Utterance, where: str, verdict: Verdict) -> None:
    """A statement over the answer that stands before it, the first of that answer's."""
    if answer.role != "assistant":
        verdict.breach(
            "rule 3", f"{where}, over an answer, next to it: one at most", f"after {answer.kind}"
        )
        return
    first, last = answer.start + 1, answer.start + _count(answer) - 2
    if one.start < first or one.start + _count(one) - 1 > last:
        verdict.breach(
            "rule 3",
            f"{where} in pairs {first} to {last}: the answer's, but for its first and last",
            f"pairs {one.start} to {one.start + _count(one) - 1}",
        )


def _check_planned(one: Said, cells: Sequence[str], cutter: Cutter, verdict: Verdict) -> None:
    """Heard slices against those of the planned text, cut again (rules 1, 2 and 4)."""
    slices = cutter.slices(one.planned)
    if not one.utterance.unheard and cells == slices:
        return
    where = f"the assistant's slice of pair {one.utterance.start}"
    if one.utterance.unheard and not 1 <= len(cells) < len(slices):
        verdict.breach(
            "rule 4",
            f"a cut before the last of {len(slices)} slices, of at least 2",
            f"{len(cells)} heard",
        )
    if list(cells) == slices[: len(cells)] and (one.utterance.unheard or len(cells) == len(slices)):
        return
    for index, (found, wanted) in enumerate(zip(cells, slices, strict=False)):
        if found != wanted:
            verdict.breach("rule 2", f"{where} + {index}: {wanted!r}", repr(found))
            if one.utterance.unheard and index == len(cells) - 1:
                verdict.breach("rule 4", f"a cut where {wanted!r} ends", repr(found))
            return
    verdict.breach("rule 2", f"{len(slices)} slices of the planned text", f"{len(cells)}")


def _check_user(
    slices: Sequence[str], language: str, known: bool, cutter: Cutter, verdict: Verdict
) -> None:
    """Edges and word counts of user slices, as far as the slices alone tell (rules 1 and 2)."""
    if not all(map(eq, slices, map(str.strip, slices))):
        wide = next(one for one in slices if one != one.strip())
        verdict.breach("rule 1", "user slices without white space at their edges", repr(wide))
    if language == "zh":
        if known:
            return
        # Words depend on what stands around them: only the text as a whole can be cut again.
        counts = _words_across(slices, cutter)
        if counts is None or counts_fault(counts):
            verdict.leave(
                "rule 2", "words of Chinese user text whose white space is not in the slices"
            )
        return
    fault = counts_fault(list(map(len, map(str.split, slices))))
    if fault:
        verdict.breach(*fault)


def _words_across(slices: Sequence[str], cutter: Cutter) -> list[int] | None:
    """Words a slice of Chinese text; None where no text that was tried yields these slices.

    White space between two slices is not in them: it is put where words demand it.
    """
    spaced: set[int] = set()
    for _ in range(_TRIES):
        pieces = [f" {one}" if index in spaced else one for index, one in enumerate(slices)]
        spans = cutter.words("".join(pieces), "zh")
        starts = {begin: index for index, (begin, _) in enumerate(spans)}
        position, firsts, inside = 0, [], set()
        for index, one in enumerate(pieces):
            begin = position + (index in spaced)
            if begin in starts:
                firsts.append(starts[begin])
            else:
                inside.add(index)
            position += len(one)
        if not inside:
            return [b - a for a, b in zip(firsts, [*firsts[1:], len(spans)], strict=True)]
        spaced |= inside
    return None


def _check_markers(one: Said, markers: Markers, verdict: Verdict) -> None:
    if "<" not in (one.planned if one.slices is None else "".join(one.slices)):
        return
    for text in (one.planned,) if one.slices is None else one.slices:
        marker = markers.first_in(text) if text != IDLE else None
        if marker:
            verdict.breach("rule 6", "no bare marker in text", f"{marker} in {text[-60:]!r}")


def _turn_fault(roles: Sequence[str]) -> str:
    for index, role in enumerate(roles):
        if role != ("user", "assistant")[index % 2]:
            return f"{role!r} at {index}"
    return f"{len(roles)} slices"
