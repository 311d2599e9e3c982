"""What a row says of its utterances, in the words and tones in which it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from .joined import JOINED_KINDS, split_at, squeezed, transition_length
from .screen import Marks, shortened, toned

SOURCE, OFFLINE = "source", "offline"

Utterance = Mapping[str, Any]
"""A struct of the column `utterances`."""


def note_of(one: Utterance) -> str | None:
    """What is said above an utterance that is more than a message or its answer."""
    kind = str(one["kind"]).replace("_", " ")
    by = _by(one["origin"])
    if one["state"] == "statement":
        where = "over the answer" if one["over"] else "in silence"
        return f"statement {where}, let pass{by}"
    if one["role"] == "user" and one["over"]:
        return f"cuts in: {kind}{by}"
    return kind + by if by or kind not in ("message", "answer") else None


def _by(origin: str | None) -> str:
    if origin == SOURCE:
        return ""
    return ", offline" if origin == OFFLINE else f", by {origin}"


def tone_of(one: Utterance) -> str:
    """The tone of its whole text, as far as its columns tell."""
    if one["state"] == "statement":
        return "statement"
    if one["origin"] == SOURCE:
        return "source"
    return "joined" if one["kind"] in JOINED_KINDS else "written"


def pieces_of(
    one: Utterance, slices: Sequence[str], earlier: Sequence[str], shipped: str | None
) -> list[list[tuple[str, str]]]:
    """The slices of an utterance (or its one message), each as texts with their tones.

    Args:
        one: the utterance.
        slices: what is heard of it.
        earlier: what the user said before in the row, squeezed.
        shipped: the row's language, if its transitions are the shipped ones.
    """
    tone = tone_of(one)
    if tone == "joined":
        offline = shipped if one["origin"] == OFFLINE else None
        length = transition_length(squeezed("".join(slices)), one["kind"], offline, earlier)
        if length is not None:
            return [
                [(said, "transition"), (rest, "source")] for said, rest in split_at(slices, length)
            ]
    return [[(text, tone)] for text in slices]


def noted(one: Utterance, note: str, marks: Marks) -> Text:
    """The note on an utterance as a line of its own."""
    if one["state"] == "statement":
        style = "statement"
    else:
        style = "cut" if one["role"] == "user" and one["over"] else "note"
    return Text(f"{marks.dash} {note}", style)


def unheard_of(one: Utterance, marks: Marks, cells: int) -> Text:
    """What was planned and is not heard, its begin at least."""
    text, left = shortened(str(one["unheard"]).strip(), cells)
    shown = toned([(text, "unheard")], marks)
    if left:
        shown.append(f" (+{left:,} characters)", "faint")
    return shown
