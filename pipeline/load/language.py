"""Which language a dialogue is in: Chinese, or one that puts spaces between words."""

import re
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from ..slice.columns import Ints

LANGUAGES = ("en", "zh")

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_OTHER_WORD = re.compile(r"[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


_NOT_LEADING = bytes(set(range(256)) - {*range(0xE3, 0xEA), 0xEF, 0xF0})
"""The bytes of UTF-8 that no Han character begins with."""


_IS_NOT_LEADING = np.isin(np.arange(256), np.frombuffer(_NOT_LEADING, dtype=np.uint8))
_LEAST_LEADING = 0xE3

_AT_ONCE = 1 << 18
"""Bytes: few enough to stay in a cache, and for the memory of what is made of them to be kept."""


def _may_hold_han(text: str) -> bool:
    """False where no byte of a text begins a Han character: found out three times as fast."""
    return not text.isascii() and bool(
        text.encode("utf-8", "surrogatepass").translate(None, _NOT_LEADING)
    )


def guess_language(texts: Iterable[str]) -> str:
    """`zh` if Han characters are at least as many as words of other scripts, else `en`.

    Everything that is not Chinese is treated as English: words by white space,
    English transitions.
    """
    held = list(texts)
    han = sum(len(_HAN.findall(text)) for text in held if _may_hold_han(text))
    if not han:
        return "en"
    return "zh" if han >= sum(len(_OTHER_WORD.findall(text)) for text in held) else "en"


def tell_languages(data: bytes, ends: Ints, turns: Ints) -> list[str]:
    """The language of each of many dialogues, see `guess_language`.

    Args:
        data: the texts of all turns end to end, in UTF-8.
        ends: the byte after the last of each turn.
        turns: how many each dialogue has.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    found = ["en"] * len(turns)
    after = np.cumsum(turns)
    ends_of_dialogues = ends[after - 1]
    whose = set[int]()
    for begin in range(0, len(octets), _AT_ONCE):
        part = octets[begin : begin + _AT_ONCE]
        high = np.flatnonzero(part >= _LEAST_LEADING)
        leading = high[~_IS_NOT_LEADING[part[high]]] + begin
        whose.update(np.searchsorted(ends_of_dialogues, leading, side="right").tolist())
    # Of the dialogues that hold such a byte each is looked at by itself.
    bounds = [0, *ends.tolist()] if whose else []
    for number in whose:
        last = int(after[number])
        edges = pairwise(bounds[last - int(turns[number]) : last + 1])
        found[number] = guess_language(data[begin:end].decode() for begin, end in edges)
    return found
