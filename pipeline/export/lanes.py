"""Rows as two-lane Markdown tables: the user's side, and the assistant's."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..unseen import UNSEEN, spelled_out

LONGEST = 120
"""Code points of a content that are shown; of a longer one its begin and end are."""

IDLE = ("<idle>", "<idle>")


def pairs_of(output: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """The slice pairs of a tdm row."""
    contents = [part["content"] for part in output]
    return list(zip(contents[0::2], contents[1::2], strict=True))


def turns_of(messages: Sequence[Mapping[str, str]]) -> list[tuple[str, str | None]]:
    """The messages of a duo row, an answer beside the user message before it."""
    turns: list[tuple[str, str | None]] = []
    for one in messages:
        if one["role"] == "user":
            turns.append((one["content"], None))
        else:
            turns[-1] = (turns[-1][0], one["content"])
    return turns


def table_line(cells: Iterable[str | None]) -> str:
    """A line of a table; None is an empty cell."""
    return "| " + " | ".join("" if cell is None else code(cell) for cell in cells) + " |"


def shown_pairs(utterances: Sequence[Mapping[str, Any]], pairs: int, most: int) -> list[int]:
    """Which of a row's pairs are shown: all, or those about its first cut or change.

    Args:
        utterances: of a tdm row.
        pairs: how many there are.
        most: up to so many are all shown.
    """
    if pairs <= most:
        return list(range(pairs))
    matter = (
        place for place, one in enumerate(utterances) if one["over"] or one["kind"] == "statement"
    )
    middle = next(matter, min(2, len(utterances) - 1))
    shown = {0, pairs - 1}
    for one in utterances[max(0, middle - 1) : middle + 2]:
        begin, end = one["start"], one["start"] + one["slices"] - 1
        shown |= {begin, begin + 1, end - 1, end} if one["slices"] > 1 else {begin}
    return sorted(shown)


def pairs_table(row: Mapping[str, Any], most: int) -> Iterator[str]:
    """A tdm row as lines of a table; what is between the pairs that are shown is counted."""
    pairs = pairs_of(row["output"])
    before = -1
    for place in shown_pairs(row["utterances"], len(pairs), most):
        if place - before > 2:
            yield f"| … {place - before - 1} more | |"
        elif place - before == 2:
            yield table_line(pairs[place - 1])
        yield table_line(pairs[place])
        before = place


def turns_table(row: Mapping[str, Any]) -> Iterator[str]:
    """A duo row as lines of a table."""
    yield from map(table_line, turns_of(row["messages"]))


def code(text: str) -> str:
    """A content as Markdown code that stands in a cell of a table as it is."""
    if not text:
        return "(empty)"
    if len(text) <= LONGEST:
        return _span(text)
    return f"{_span(text[: LONGEST * 2 // 3])} … {_span(text[-LONGEST // 3 :])}"


def _span(text: str) -> str:
    text = re.sub(r"\r\n?|\n", "⏎", text).replace("\t", "⇥").replace("|", r"\|")
    text = UNSEEN.sub(lambda found: spelled_out(found[0]), text)  # git takes a NUL for no text
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    # Markdown takes a space off each end where both ends have one, or a backtick is near.
    spaced = text.startswith(" ") and text.endswith(" ") and bool(text.strip())
    pad = " " if spaced or text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
