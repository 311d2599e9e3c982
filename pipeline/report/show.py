"""`show`: conversations on the screen, as lanes in time or as turns."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from ..errors import InputError
from .lanes import PAIR_SECONDS, lane_lines
from .pick import first_rows, random_rows, row_by_id
from .rows import RowFile, open_rows
from .screen import ON_TERMINAL, PLAIN, STYLES, Marks, visible
from .turns import turn_lines

DEFAULT_COUNT = 3

_LEGEND = {
    "transition": "transition",
    "joined": "transition and message, joined",
    "written": "written text",
    "statement": "statement, let pass",
    "unheard": "planned, not heard",
}


def show(
    path: Path,
    row_id: str | None = None,
    *,
    row_type: str | None = None,
    count: int | None = None,
    at_random: bool = False,
    seed: int | None = None,
) -> None:
    """Prints conversations to standard output, for a terminal or plain for a pipe.

    Args:
        path: a run's folder, a Parquet file, or JSONL in the released layout.
        row_id: the one that is shown; else the first, or some at random.
        row_type: only rows of this type.
        count: how many are shown; 3 by default.
        at_random: drawn by a hash of the seed and the row's id.
        seed: of what is drawn.

    Raises:
        InputError: flags that contradict, no such row, or nothing that holds rows.
    """
    if row_id is not None and (row_type is not None or count is not None or at_random):
        raise InputError("ROW_ID names one row: leave out --type, -n and --random")
    if seed is not None and not at_random:
        raise InputError("--seed is of --random: give both, or neither")
    files = open_rows(path)
    wanted = DEFAULT_COUNT if count is None else count
    if row_id is not None:
        rows: Iterator[Mapping[str, Any]] = iter([row_by_id(files, path, row_id)])
    elif at_random:
        rows = random_rows(files, path, row_type, wanted, seed or 0)
    else:
        rows = first_rows(files, path, row_type, wanted)
    console = new_console(os.environ)
    marks = marks_for(console)
    own = _own_transitions(files[0])
    for number, row in enumerate(rows):
        if number:
            console.print()
        for line in row_lines(row, files[0], own, marks, console):
            console.print(line, no_wrap=True, overflow="ignore", crop=False)


def new_console(environ: Mapping[str, str]) -> Console:
    """Standard output; COLUMNS that is no number of cells says nothing of its width.

    Args:
        environ: the environment.
    """
    columns = environ.get("COLUMNS", "")
    if not (columns.isdecimal() and int(columns)):
        environ = {name: value for name, value in environ.items() if name != "COLUMNS"}
    return Console(
        highlight=False, emoji=False, markup=False, theme=Theme(STYLES), _environ=environ
    )


def marks_for(console: Console) -> Marks:
    """Drawn marks on a terminal that can show them, else plain ones."""
    encoding = (console.encoding or "").lower().replace("-", "")
    if encoding != "utf8" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    drawn = console.is_terminal and console.color_system is not None and encoding == "utf8"
    if drawn and console.no_color:
        return replace(ON_TERMINAL, quoted={"transition": PLAIN.quoted["transition"]})
    return ON_TERMINAL if drawn else PLAIN


def row_lines(
    row: Mapping[str, Any],
    file: RowFile,
    own: frozenset[str],
    marks: Marks,
    console: Console,
) -> Iterator[Text]:
    """A row as lines: its head, a legend of what occurs in it, and the conversation.

    Args:
        row: its columns.
        file: where it stands, for its format.
        own: languages whose transitions are not the shipped ones.
        marks: what is drawn.
        console: for its width.
    """
    language = row["language"]
    shipped = None if language in own else language
    lines = lane_lines if file.format == "tdm" else turn_lines
    body = list(lines(row, shipped, marks, console))
    for text in _head(row, file, marks):
        yield from text.wrap(console, console.width, overflow="fold")
    legend = _legend(body, marks)
    if legend:
        yield from legend.wrap(console, console.width)
    yield Text()
    yield from body


def _head(row: Mapping[str, Any], file: RowFile, marks: Marks) -> Iterator[Text]:
    between = f" {marks.dot} "
    yield Text(visible(str(row["id"]), marks.newline), "note")
    facts = [row["type"], row["language"]]
    if file.format == "tdm":
        pairs = len(row["output"] or ()) // 2
        minutes, seconds = divmod(pairs * PAIR_SECONDS, 60)
        facts.append(f"{pairs:,} pairs, {minutes}:{seconds:02} min")
    else:
        facts.append(f"{len(row['messages'] or ()):,} messages")
    if row["generator"]:
        facts.append(f"generator {row['generator']}")
    if row["utterances"] is None:
        facts.append("no column says who cuts in")
    yield Text(visible(between.join(one for one in facts if one), marks.newline))
    if row["source_ids"]:
        yield Text(visible("of " + ", ".join(row["source_ids"]), marks.newline), "faint")


def _legend(body: Sequence[Text], marks: Marks) -> Text:
    """What the tones that occur mean."""
    tones = {str(span.style) for line in body for span in line.spans}
    shown = []
    for tone, meaning in _LEGEND.items():
        if tone in tones:
            before, after = marks.quoted.get(tone, ("", ""))
            shown.append(Text(f"{before}{meaning}{after}", tone))
    return Text("   ").join(shown)


def _own_transitions(file: RowFile) -> frozenset[str]:
    """The languages for which the file's run drew from transitions of the user's own."""
    try:
        manifest = json.loads((file.path.parent.parent / "manifest.json").read_text("utf-8"))
        return frozenset(manifest["recipe"]["transitions"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
