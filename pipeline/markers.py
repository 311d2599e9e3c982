"""No text can forge a control token (rule 6): defusing, and undoing it.

Between the `<` of a marker and its rest stand n >= 0 U+2060 (WORD JOINER,
invisible, no white space). Defusing adds one and undoing takes one, so that
undo(defuse(text)) == text for every text, also one that held some already.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

JOINER = "\u2060"
IDLE = "<idle>"
STATE_TOKENS = {"query": "<1>", "stop": "<1>", "statement": "<2>"}

# The control tokens of the two formats and of the runtimes they are made for:
# MiniCPM-duplex (role marks, end of slice, added tokens) and DUO (role marks).
DEFAULT_MARKERS = (
    IDLE, "<1>", "<2>",
    "<用户>", "<AI>", "<s>", "</s>", "<unk>",
    "<s0>", "<s1>", "<s2>", "<s3>", "<s4>", "<s5>",
    "<user>", "<assistant>",
)  # fmt: skip


@lru_cache(maxsize=8)
def _pattern(markers: tuple[str, ...], least: str) -> re.Pattern[str]:
    rests = "|".join(re.escape(m[1:]) for m in sorted(markers, key=len, reverse=True))
    return re.compile(f"<({JOINER}{least})(?={rests})")


def defuse(text: str, markers: Iterable[str]) -> str:
    """The text with one more U+2060 in each marker that it holds."""
    if "<" not in text:
        return text
    return _pattern(tuple(markers), "*").sub(rf"<\1{JOINER}", text)


def defusing_places(text: str, markers: Iterable[str], *, bare: bool) -> list[int]:
    """Where in a text a U+2060 goes to defuse it, in code points.

    Args:
        text: to be defused.
        markers: of the run.
        bare: whether markers that hold one already are left as they are.
    """
    if "<" not in text:
        return []
    pattern = _pattern(tuple(markers), "{0}" if bare else "*")
    return [found.end() for found in pattern.finditer(text)]


def undo(text: str, markers: Iterable[str]) -> str:
    """The text that `defuse` was given."""
    if JOINER not in text:
        return text
    return _pattern(tuple(markers), "+").sub(lambda found: "<" + found[1][1:], text)


def count_defused(text: str, markers: Iterable[str]) -> int:
    """How many markers in a defused text were defused."""
    if JOINER not in text:
        return 0
    return len(_pattern(tuple(markers), "+").findall(text))
