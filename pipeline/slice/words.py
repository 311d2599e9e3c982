"""The words of a message: what a user slice is counted in (rule 2).

English, and every language that puts spaces between words: what `str.split()`
yields. Chinese: what `str.split()` yields, cut further by jieba (the Rust
port `rjieba`, with its HMM for unknown words). As in English, a punctuation
mark belongs to the word it stands at, so that no slice is a lone question mark.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Span = tuple[int, int]
"""Begin and end of a word, in code points of the text."""

_RUN = re.compile(r"\S+")
# White space beyond ASCII as `str.split()` has it, as the two or three bytes of its UTF-8.
_OTHER = "\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_OTHER_SPACES = np.array([int.from_bytes(one.encode().ljust(3, b"\0")) for one in _OTHER])
_LEAST_LEADING, _LEADS_THREE = 0xC2, 0xE0
_JOINING = ("Mn", "Mc", "Me", "Cf", "Sk")
_HALF_WIDTH = re.compile(r"[\x21-\x7e]+\Z")


def word_spans(text: str, language: str) -> list[Span]:
    """Where the words of a text stand, in order; white space belongs to none.

    Args:
        text: a message; joined, the words are the message without white space.
        language: `zh` for the segmenter, anything else for white space alone.
    """
    runs = [found.span() for found in _RUN.finditer(text)]
    if language != "zh":
        return runs
    return [span for begin, end in runs for span in _segment(text[begin:end], begin)]


def spaces_beyond_ascii(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The bytes of UTF-8 at which white space of `str.split()` begins that is none of ASCII."""
    at = np.flatnonzero(octets[:-2] >= _LEAST_LEADING)
    first, second, third = (octets[at + number].astype(np.int32) for number in range(3))
    third[first < _LEADS_THREE] = 0
    return at[np.isin(first << 16 | second << 8 | third, _OTHER_SPACES)]


def is_ascii_space(octets: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which bytes are white space as `str.split()` has it, in ASCII: 9-13, 28-31 and 32."""
    # Differences below 0 are large: bytes have no sign. A table takes three times as long.
    lines, separators = octets - np.uint8(0x09), octets - np.uint8(0x1C)
    space: npt.NDArray[np.bool_] = (octets == 0x20) | (lines < 5) | (separators < 4)
    return space


def word_edges(
    octets: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The bytes at which the words of UTF-8 data begin, and those after their ends.

    Words are told by ASCII white space alone; see `spaces_beyond_ascii`.

    Args:
        octets: the data, which begin and end in white space.
    """
    space = is_ascii_space(octets)
    edges = np.flatnonzero(space[1:] != space[:-1]) + 1
    return edges[0::2], edges[1::2]


def segmenter_name(language: str) -> str:
    """The segmenter of a language and its version, for a manifest."""
    if language != "zh":
        return "str.split"
    from importlib.metadata import version

    return f"rjieba {version('rjieba')}"


def _segment(run: str, shift: int) -> list[Span]:
    """The words of a run without white space, as spans moved by `shift`."""
    if _HALF_WIDTH.match(run):
        return [(shift, shift + len(run))]
    import rjieba

    spans: list[Span] = []
    position = 0
    for piece in rjieba.cut(run):
        begin, position = position, position + len(piece)
        if spans and _sticks(run[begin - 1], piece[0]):
            spans[-1] = (spans[-1][0], shift + position)
        else:
            spans.append((shift + begin, shift + position))
    return spans


@lru_cache(maxsize=65536)
def _sticks(before: str, after: str) -> bool:
    """Whether no word ends between these two characters.

    Half-width text is only cut at white space ("don't", "3.14", a URL); a
    closing mark sticks to what is before it, an opening one to what follows; what
    joins or changes a character (an accent, a joiner, a skin tone) sticks to it.
    """
    kind, next_kind = unicodedata.category(before), unicodedata.category(after)
    if next_kind in _JOINING or kind == "Cf":
        return True
    if next_kind.startswith("P") and next_kind not in ("Ps", "Pi"):
        return True
    if kind in ("Ps", "Pi"):
        return True
    return not (_is_wide(before) or _is_wide(after))


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
