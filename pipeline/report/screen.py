"""Text on a screen: tones, marks, and characters that a terminal must not act on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ..unseen import UNSEEN, spelled_out

Tone = Literal["source", "transition", "joined", "written", "statement", "idle", "unheard", "note"]

STYLES: dict[str, str] = {
    # As far from black as from white, for screens of both.
    "source": "",
    "transition": "#af5fd7",
    "joined": "#af5fd7",
    "written": "#0087af",
    "statement": "#5f8700",
    "idle": "dim",
    "unheard": "strike #808080",
    "note": "bold",
    "cut": "bold #ff0000",
    "faint": "dim",
}
"""The theme: a style of rich for each tone, and for marks."""

_HANG = 2
_SLACK = 20


@dataclass(frozen=True, slots=True)
class Marks:
    """What is drawn beside the text.

    Attributes:
        idle: a slice of silence.
        newline: a line break inside a slice.
        lane: between the two lanes.
        dash: before a note.
        cut: behind the last words that are heard.
        dots: where something is folded.
        dot: between two facts.
        quoted: around a text of a tone, where there is no colour to tell it.
    """

    idle: str
    newline: str
    lane: str
    dash: str
    cut: str
    dots: str
    dot: str
    quoted: dict[str, tuple[str, str]]


ON_TERMINAL = Marks("·", "⏎", "│", "┄┄", "✂", "…", "·", {})
PLAIN = Marks(
    "_",
    r"\n",
    "|",
    "--",
    "[cut]",
    "...",
    "-",
    {"unheard": ("~~", "~~"), "transition": ("{", "}")},
)


def visible(text: str, newline: str) -> str:
    """The text with its line breaks as `newline`, and what a terminal would act on escaped."""
    return UNSEEN.sub(lambda found: _escaped(found[0], newline), text.replace("\r\n", "\n"))


def toned(pieces: Iterable[tuple[str, str]], marks: Marks, newline: str | None = None) -> Text:
    """Texts, each in its tone, as one line for the screen (or several, with a real `newline`)."""
    shown = Text()
    for text, tone in pieces:
        before, after = marks.quoted.get(tone, ("", ""))
        inner = text.strip(" ") if before else text
        if not inner:
            shown.append(text, tone)
            continue
        left, _, right = text.partition(inner)
        shown.append(left + before, tone)
        for place, part in enumerate(UNSEEN.split(inner.replace("\r\n", "\n"))):
            if place % 2:
                escaped = _escaped(part, marks.newline if newline is None else newline)
                shown.append(escaped, "faint" if tone == "source" else tone)
            else:
                shown.append(part, tone)
        shown.append(after + right, tone)
    return shown


def hanging(text: Text, width: int, console: Console) -> Iterator[Text]:
    """The lines of a text in a lane; all but the first stand a little to the right."""
    lines = text.wrap(console, width, overflow="fold")
    yield lines[0]
    if len(lines) > 1:
        rest = text[len(lines[0].plain) :]
        behind = len(rest.plain) - len(rest.plain.lstrip(" "))
        for line in rest[behind:].wrap(console, width - _HANG, overflow="fold"):
            yield Text(" " * _HANG).append_text(line)


def shortened(text: str, cells: int) -> tuple[str, int]:
    """The begin of a text that fits in so many cells, and how many characters are left.

    A text that is a few cells longer stays whole: to say what is left takes as many.
    """
    if cell_len(text) <= cells + _SLACK:
        return text, 0
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > cells:
            return text[:place].rstrip(), len(text) - place
    return text, 0


def _escaped(character: str, newline: str) -> str:
    if character == "\n":
        return newline
    if character == "\t":
        return "    " if newline == "\n" else r"\t"
    return spelled_out(character)
