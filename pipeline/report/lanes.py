"""A tdm row as two lanes in time: the user left, the assistant right, a pair a line."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..markers import IDLE
from .joined import squeezed
from .marking import Utterance, note_of, noted, pieces_of, unheard_of
from .screen import Marks, hanging, toned

PAIR_SECONDS = 2
FOLDED_FROM = 4
"""Silent pairs in a row from which they are shown as one line."""

_UNHEARD_LINES = 3
_WIDEST = (46, 68)
"""Cells of the user's and the assistant's lane on a screen wide enough for both."""

_Pair = tuple[str | None, str | None]
_Pieces = list[tuple[str, str]]


@dataclass(slots=True)
class _Score:
    """What is shown of a row beside its slices.

    Attributes:
        pieces: the slices whose tone is known, by (pair, side).
        notes: the lines above a pair, by (pair, side).
        cuts: the slices behind which an answer was cut.
    """

    pieces: dict[tuple[int, int], _Pieces] = field(default_factory=dict)
    notes: defaultdict[tuple[int, int], list[Text]] = field(
        default_factory=lambda: defaultdict(list)
    )
    cuts: set[tuple[int, int]] = field(default_factory=set)


def pairs_of(output: Sequence[Mapping[str, Any]]) -> list[_Pair]:
    """The slice pairs of a row; where the roles do not alternate, a side of a pair is missing."""
    pairs: list[_Pair] = []
    waiting = False  # the last pair lacks its assistant slice
    for one in output:
        content = one["content"]
        if one["role"] != "assistant":
            pairs.append((content, None))
            waiting = True
        elif waiting:
            pairs[-1] = (pairs[-1][0], content)
            waiting = False
        else:
            pairs.append((None, content))
    return pairs


class _Columns(NamedTuple):
    """Cells of the time and of either lane."""

    time: int
    user: int
    assistant: int


def _columns(width: int, pairs: int) -> _Columns:
    """The columns of so many pairs on a screen of this width."""
    time = max(len(_clock(pairs)), 5)
    both = max(width - time - 5, 24)
    user = min(both * 36 // 100, _WIDEST[0])
    return _Columns(time, user, min(both - user, _WIDEST[1]))


def lane_lines(
    row: Mapping[str, Any], shipped: str | None, marks: Marks, console: Console
) -> Iterator[Text]:
    """The lines of a row, its head first.

    Args:
        row: its columns.
        shipped: the row's language, if its transitions are the shipped ones.
        marks: what is drawn.
        console: for its width.
    """
    pairs = pairs_of(row["output"] or ())
    columns = _columns(console.width, len(pairs))
    if row["utterances"] is None:
        score = _heard_score(pairs, marks)
    else:
        score = _score(pairs, row["utterances"], shipped, marks, columns.assistant)
    yield _line("time", Text("user"), Text("assistant"), columns, marks, "faint")
    place = 0
    while place <= len(pairs):
        above = [score.notes.get((place, side), []) for side in (0, 1)]
        yield from _beside("", above[0], above[1], columns, marks, console)
        if place == len(pairs):
            return
        silent = _silence(pairs, place, score)
        if silent >= FOLDED_FROM:
            said = f"{marks.dots} {silent * PAIR_SECONDS} s of silence {marks.dots}"
            yield Text(f"{_clock(place):<{columns.time}}  {said}", "idle")
            place += silent
            continue
        texts = [_slice(pairs, place, side, score, marks) for side in (0, 1)]
        yield from _beside(_clock(place), [texts[0]], [texts[1]], columns, marks, console)
        place += 1


def _score(
    pairs: Sequence[_Pair],
    utterances: Sequence[Utterance],
    shipped: str | None,
    marks: Marks,
    width: int,
) -> _Score:
    score = _Score()
    earlier: list[str] = []
    for one in utterances:
        side = int(one["role"] == "assistant")
        # A row that breaks the contract is shown too: its numbers are not trusted.
        begin = max(int(one["start"] or 0), 0)
        end = min(begin + max(int(one["slices"] or 0), 0), len(pairs))
        begin = min(begin, len(pairs))
        slices = [pairs[place][side] or "" for place in range(begin, end)]
        for place, pieces in enumerate(pieces_of(one, slices, earlier, shipped), start=begin):
            score.pieces[place, side] = pieces
        note = note_of(one)
        if note:
            score.notes[begin, side].append(noted(one, note, marks))
        if one["unheard"]:
            score.cuts.add((end - 1, side))
            score.notes[end, side].append(unheard_of(one, marks, _UNHEARD_LINES * width - 20))
        if not side:
            earlier.append(squeezed("".join(slices)))
    return score


def _heard_score(pairs: Sequence[_Pair], marks: Marks) -> _Score:
    """Of a row without utterances: only that the user begins over a running answer is certain."""
    score = _Score()
    for place in range(1, len(pairs)):
        before, now = pairs[place - 1], pairs[place]
        running = IDLE not in (before[1], now[1])
        if running and before[0] == IDLE and now[0] not in (IDLE, None):
            score.notes[place, 0].append(Text(f"{marks.dash} speaks over the answer", "note"))
    return score


def _silence(pairs: Sequence[_Pair], place: int, score: _Score) -> int:
    """How many pairs from here on are silent on both sides, with nothing noted between."""
    end = place
    while end < len(pairs) and pairs[end] == (IDLE, IDLE):
        if end > place and any((end, side) in score.notes for side in (0, 1)):
            break
        end += 1
    return end - place


def _slice(pairs: Sequence[_Pair], place: int, side: int, score: _Score, marks: Marks) -> Text:
    text = pairs[place][side]
    if text is None:
        return Text("(no slice)", "cut")
    if text == IDLE:
        return Text(marks.idle, "idle")
    if not text.strip(" "):
        return Text("(white space)" if text else "(empty)", "faint")
    shown = toned(score.pieces.get((place, side), [(text, "source")]), marks)
    if (place, side) in score.cuts:
        shown.append(f" {marks.cut}", "cut")
    return shown


def _beside(
    time: str,
    left: Sequence[Text],
    right: Sequence[Text],
    columns: _Columns,
    marks: Marks,
    console: Console,
) -> Iterator[Text]:
    """Texts of both lanes, wrapped to the lanes, line beside line."""
    wrapped = [
        [line for text in texts for line in hanging(text, width, console)]
        for texts, width in zip((left, right), columns[1:], strict=True)
    ]
    for number, (one, other) in enumerate(zip_longest(*wrapped, fillvalue=Text())):
        yield _line(time if number == 0 else "", one, other, columns, marks)


def _line(
    time: str, left: Text, right: Text, columns: _Columns, marks: Marks, style: str = ""
) -> Text:
    line = Text().append(f"{time:<{columns.time}}  ", "faint")
    line.append_text(left)
    line.append(" " * max(columns.user - cell_len(left.plain), 0))
    line.append(f" {marks.lane} ", "faint")
    line.append_text(right)
    line.rstrip()
    if style:
        line.stylize(style)
    return line


def _clock(pair: int) -> str:
    minutes, seconds = divmod(pair * PAIR_SECONDS, 60)
    return f"{minutes:02}:{seconds:02}"
