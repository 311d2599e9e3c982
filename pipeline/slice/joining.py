"""Word slices joined again: what stood between them is not in them.

The usual is one space, and nothing in Chinese. What is not usual a file of rows can hold
beside them (`SPACES`), so that a message of a tdm row can be had to the byte.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from .words import word_spans

SPACES = b"duplexdata.spaces"
"""The key in a Parquet file's metadata: a JSON object, `spaces_of` of each row by its id.

Rows whose white space is all usual are not in it.
"""

Spaces = Mapping[str, Any]
"""By the number of an utterance, `[border, white space]` for each that is not usual."""


def usual_space(language: str) -> str:
    """What stands between the words of most messages."""
    return "" if language == "zh" else " "


def join_exactly(slices: Sequence[str], language: str, unusual: Any) -> str:
    """The text of a message from its word slices, and from what stands between some of them.

    Args:
        slices: of the message.
        language: of the row.
        unusual: `[border, white space]`s; what is none of these is passed over.
    """
    usual = usual_space(language)
    between = [usual] * (len(slices) - 1)
    for one in unusual if isinstance(unusual, list) else ():
        match one:
            case [int(border), str(space)] if 0 <= border < len(between) and not space.strip():
                between[border] = space
    return "".join(part for pair in zip(slices, [*between, ""], strict=True) for part in pair)


def join_words(slices: Sequence[str], language: str) -> str:
    """The text of a message from its word slices alone.

    Between two slices stands what is usual; but a space in Chinese where without one the
    segmenter would find no border of words. Cut again, the text gives the slices.

    Args:
        slices: without white space at their edges, none empty.
        language: `zh` for the segmenter, anything else for white space alone.
    """
    if language != "zh":
        return usual_space(language).join(slices)
    spaced: set[int] = set()
    while True:
        pieces = [f" {one}" if number in spaced else one for number, one in enumerate(slices)]
        text = "".join(pieces)
        borders = {begin for begin, _end in word_spans(text, language)}
        ends = list(accumulate(map(len, pieces)))
        merged = {
            number
            for number, end in enumerate(ends[:-1], start=1)
            if number not in spaced and end not in borders
        }
        if not merged:
            return text
        spaced |= merged
