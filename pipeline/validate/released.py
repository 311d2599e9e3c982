"""Rows without an `utterances` column, as in the released layout: what can still be seen.

Who says what is drawn out of the silence: a user's run ends where the assistant
begins to speak beside it, or where the user falls silent; an answer ends where
the next user's run begins.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from .nouns import Row
from .report import Verdict
from .text import FEWEST_WORDS, IDLE, MOST_WORDS, Cutter, Markers, counts_fault

TDM_SCOPE = ("shape", "rule 1", "rule 2", "rule 3", "rule 6")
DUO_SCOPE = ("shape", "rule 1", "rule 6")
_WHY = "no utterances column"
_CHINESE = "words of Chinese user text whose white space is not in the slices"
_EITHER = "words of user text that may be Chinese: no column tells its language"


@dataclass(frozen=True, slots=True)
class Run:
    """What one side says without a pause."""

    role: str
    start: int
    slices: Sequence[str]


def check_released(row: Row, cutter: Cutter, markers: Markers, verdict: Verdict) -> None:
    """Checks what the messages alone tell."""
    if row.format == "tdm":
        _check_tdm(row, cutter, markers, verdict)
    else:
        _check_duo(row, markers, verdict)


def runs_of(contents: Sequence[str]) -> list[Run]:
    """The runs of speech of a row of slices, in order of their begin."""
    user, assistant = contents[::2], contents[1::2]
    runs: list[Run] = []
    asking: int | None = None
    answering: int | None = None
    for pair, (asked, answered) in enumerate(zip(user, assistant, strict=True)):
        if answering is not None and (asked != IDLE or answered == IDLE):
            runs.append(Run("assistant", answering, assistant[answering:pair]))
            answering = None
        if asking is not None and asked == IDLE:
            runs.append(Run("user", asking, user[asking:pair]))
            asking = None
        if asking is None and asked != IDLE:
            asking = pair
        if answering is None and answered != IDLE:
            if asking is not None:
                runs.append(Run("user", asking, user[asking : pair + 1]))
                asking = None
            answering = pair
    if asking is not None:
        runs.append(Run("user", asking, user[asking:]))
    if answering is not None:
        runs.append(Run("assistant", answering, assistant[answering:]))
    return runs


def _check_tdm(row: Row, cutter: Cutter, markers: Markers, verdict: Verdict) -> None:
    roles = row.roles or [("user", "assistant")[index % 2] for index in range(len(row.contents))]
    for index, role in enumerate(roles):
        if role != ("user", "assistant")[index % 2]:
            verdict.breach("shape", "user, assistant, user, assistant, ...", f"{role!r} at {index}")
            return
    if not roles or len(roles) % 2:
        verdict.breach("shape", "pairs of slices", f"{len(roles)} slices")
        return
    _check_slices(row.contents, markers, verdict)
    runs = runs_of(row.contents)
    _check_silence(row.contents, verdict)
    _check_turns(runs, verdict)
    for index, run in enumerate(runs):
        if run.role == "assistant":
            _check_answer(run, index + 1 < len(runs), cutter, verdict)
        else:
            _check_words(run.slices, row.language, cutter, verdict)


def _check_slices(contents: Sequence[str], markers: Markers, verdict: Verdict) -> None:
    """No slice is empty or forges a token, no user slice has white space at its edges."""
    for index, text in enumerate(contents):
        where = f"pair {index // 2}"
        marker = markers.first_in(text) if text != IDLE else None
        if marker:
            verdict.breach("rule 6", "no bare marker in text", f"{marker} in {where}")
        if not text:
            verdict.breach("rule 2", "no empty slice", f"one in {where}")
        elif not index % 2 and text != text.strip():
            verdict.breach("rule 1", "user slices without white space at their edges", repr(text))


def _check_silence(contents: Sequence[str], verdict: Verdict) -> None:
    """No pair is idle on both sides, but for those at the end (statements are not known here)."""
    silent = [a == b == IDLE for a, b in zip(contents[::2], contents[1::2], strict=True)]
    while silent and silent[-1]:
        silent.pop()
    if not silent:
        verdict.breach("rule 3", "somebody who speaks", "silence")
    elif True in silent:
        verdict.breach("rule 3", "no silent pair before the end", f"pair {silent.index(True)}")


def _check_turns(runs: Sequence[Run], verdict: Verdict) -> None:
    """User and assistant in turn; the assistant begins beside the user's last slice."""
    for index, run in enumerate(runs):
        if run.role != ("user", "assistant")[index % 2]:
            verdict.breach(
                "rule 3",
                f"the {('user', 'assistant')[index % 2]} in turn",
                f"the {run.role} in pair {run.start}",
            )
            return


def _check_answer(run: Run, may_be_cut: bool, cutter: Cutter, verdict: Verdict) -> None:
    """An answer cut into slices again.

    An answer that is followed by the user may have been cut, its planned text
    is then unknown: the last slice may stand as it is, since the tokens before
    a cut may be others than those of the text that ends there.
    """
    wanted, found = cutter.slices("".join(run.slices)), list(run.slices)
    if found == wanted:
        return
    if may_be_cut and found[:-1] == wanted[: len(found) - 1]:
        return
    index = next(
        (at for at, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b),
        min(len(found), len(wanted)),
    )
    verdict.breach(
        "rule 2",
        f"in pair {run.start + index}: {wanted[index] if index < len(wanted) else IDLE!r}",
        repr(found[index]) if index < len(found) else IDLE,
    )


def _check_words(
    slices: Sequence[str], language: str | None, cutter: Cutter, verdict: Verdict
) -> None:
    """How many words each slice holds; where no language is said, in both of them.

    What no white space of Chinese text between slices could mend is a breach there too.
    """
    by_space = [len(one.split()) for one in slices]
    fault = counts_fault(by_space)
    if language and language != "zh":
        if fault:
            verdict.breach(*fault)
        return
    wide = [sum(map(_is_wide, one)) for one in slices]
    bounds = [
        (few, min(len("".join(one.split())), few + 2 * cuts))
        for one, few, cuts in zip(slices, by_space, wide, strict=True)
    ]
    strange = next(
        (
            each
            for index, each in enumerate(bounds)
            if each[0] > MOST_WORDS or (index + 1 < len(bounds) and each[1] < FEWEST_WORDS)
        ),
        None,
    )
    if strange and (language or fault):
        few, many = strange
        wanted = f"{FEWEST_WORDS}-{MOST_WORDS} words a user slice"
        verdict.breach("rule 2", wanted, f"{few}" if few == many else f"{few}-{many}")
    elif language:
        verdict.leave("rule 2", _CHINESE)
    elif any(wide) and (fault or counts_fault(_words_of_chinese(slices, cutter))):
        verdict.leave("rule 2", _EITHER)


def _words_of_chinese(slices: Sequence[str], cutter: Cutter) -> list[int]:
    """Words a slice, read as Chinese with white space between slices."""
    spans = cutter.words(" ".join(slices), "zh")
    ends = list(accumulate(len(one) + 1 for one in slices))
    counts = [0] * len(slices)
    for begin, _ in spans:
        counts[bisect_right(ends, begin)] += 1
    return counts


def _is_wide(character: str) -> bool:
    """Whether a Chinese word may begin or end at a character with no white space there."""
    return unicodedata.east_asian_width(character) in ("W", "F")


def _check_duo(row: Row, markers: Markers, verdict: Verdict) -> None:
    roles = row.roles or [("user", "assistant")[index % 2] for index in range(len(row.contents))]
    if not roles or roles[0] != "user":
        verdict.breach("shape", "a user message at first", roles[0] if roles else "no message")
    for index, (role, text) in enumerate(zip(roles, row.contents, strict=True)):
        where = f"message {index}"
        if role == "user":
            body = text.removesuffix("<1>") if text.endswith("<1>") else text.removesuffix("<2>")
            if body == text:
                verdict.breach("shape", f"{where}: a state token at its end", repr(text[-20:]))
            elif body != body.strip() or not body:
                verdict.breach(
                    "rule 1", f"{where}: trimmed text before its token", repr(text[-20:])
                )
        elif role == "assistant":
            body = text
            if not text and index + 1 < len(roles):
                verdict.breach("shape", f"{where}: text", "an empty message inside")
            if index and roles[index - 1] == "assistant":
                verdict.breach("shape", f"{where}: the user in turn", "two of the assistant")
        else:
            verdict.breach("shape", f"{where}: the role user or assistant", repr(role))
            continue
        marker = markers.first_in(body)
        if marker:
            verdict.breach("rule 6", "no bare marker in text", f"{marker} in {where}")


def leave_released(row_format: str, verdict: Verdict) -> None:
    """Says which rules cannot be proved without utterances."""
    unseen = ("type", "rule 4", "rule 5", "source")
    for check in (*unseen, "rule 2", "rule 3") if row_format == "duo" else unseen:
        verdict.leave(check, _WHY)
