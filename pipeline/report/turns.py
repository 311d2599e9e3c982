"""A duo row as turns, each with its state."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..markers import STATE_TOKENS
from .joined import squeezed
from .marking import Utterance, note_of, noted, pieces_of, unheard_of
from .screen import Marks, toned

_WIDEST = 100
"""Cells of the text on a screen wide enough."""

_GUTTER = 14
_UNHEARD_LINES = 3
_STATES = {"<1>": "query", "<2>": "statement"}


def turn_lines(
    row: Mapping[str, Any], shipped: str | None, marks: Marks, console: Console
) -> Iterator[Text]:
    """The lines of a row.

    Args:
        row: its columns.
        shipped: the row's language, if its transitions are the shipped ones.
        marks: what is drawn.
        console: for its width.
    """
    width = max(min(console.width - _GUTTER - 3, _WIDEST), 20)
    messages = [(one["role"], one["content"]) for one in row["messages"] or ()]
    begun = {one["start"]: one for one in row["utterances"] or ()}
    states = row["states"] or ()
    earlier: list[str] = []
    for place, (role, content) in enumerate(messages):
        text, token = _without_token(role, content)
        state = states[place] if place < len(states) else _STATES.get(token)
        one = begun.get(place)
        lines = [*_body(one, text, token, shipped, earlier, marks, width)]
        if role == "user":
            earlier.append(squeezed(text))
        wrapped = (piece for line in lines for piece in line.wrap(console, width, overflow="fold"))
        label = Text().append(f"{role} ", "note")
        if state:
            label.append(state, "statement" if state == "statement" else "faint")
        for piece in wrapped:
            yield _line(label, piece, marks)
            label = Text()


def _body(
    one: Utterance | None,
    text: str,
    token: str,
    shipped: str | None,
    earlier: Sequence[str],
    marks: Marks,
    width: int,
) -> Iterator[Text]:
    """The lines of a turn, not wrapped yet; `one` is None where no utterance begins with it."""
    note = note_of(one) if one else None
    if one and note:
        yield noted(one, note, marks)
    pieces = pieces_of(one, [text], earlier, shipped)[0] if one else [(text, "source")]
    shown = toned(pieces, marks, newline="\n") if text else Text("(silence)", "idle")
    if token:
        shown.append(token, "faint")
    if one and one["unheard"]:
        shown.append(f" {marks.cut}", "cut")
    yield from shown.split("\n", allow_blank=True)
    if one and one["unheard"]:
        yield unheard_of(one, marks, _UNHEARD_LINES * width - 20)


def _without_token(role: str, content: str | None) -> tuple[str, str]:
    """A content and the state token that it ends in."""
    text = content or ""
    if role == "user":
        for token in set(STATE_TOKENS.values()):
            if text.endswith(token):
                return text.removesuffix(token), token
    return text, ""


def _line(label: Text, text: Text, marks: Marks) -> Text:
    line = Text().append_text(label)
    line.append(" " * max(_GUTTER - cell_len(label.plain), 0))
    line.append(f" {marks.lane} ", "faint")
    line.append_text(text)
    line.rstrip()
    return line
