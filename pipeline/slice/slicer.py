"""Texts into slices: words for the user, tokens for the assistant (rule 2)."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..chance import Draws
from .code_points import code_point_bytes, code_point_starts
from .tokenizers import Tokenizer
from .words import word_spans

FEWEST_WORDS = 4
MOST_WORDS = 6

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Slices:
    """Where the slices of a text lie, in bytes of its UTF-8.

    Attributes:
        data: the text.
        begins: the byte at which each slice begins.
        ends: the byte after its last. An answer's slices touch; between those
            of a message lies the white space that no slice carries.
    """

    data: bytes
    begins: Offsets
    ends: Offsets

    def __len__(self) -> int:
        """How many slices."""
        return len(self.ends)

    def code_point_ends(self) -> Offsets:
        """The code point after the last of each slice."""
        if self.data.isascii():
            return self.ends
        return np.searchsorted(code_point_starts(self.data), self.ends)

    def heard(self, code_points: int) -> int:
        """How many slices are heard if so many code points are (rule 4: all of each)."""
        return int(np.searchsorted(self.code_point_ends(), code_points, side="right"))


@dataclass(slots=True)
class Slicer:
    """Cuts the texts of one block; an answer that several scripts share is cut once.

    Attributes:
        tokenizer: whose tokens an assistant slice is counted in.
        slice_tokens: how many of them.
    """

    tokenizer: Tokenizer
    slice_tokens: int
    _answers: dict[str, Slices] = field(default_factory=dict, repr=False)
    _tokens: dict[str, int] = field(default_factory=dict, repr=False)

    def answer(self, text: str) -> Slices:
        """The token slices of an assistant utterance's planned text."""
        known = self._answers.get(text)
        if known is None:
            known = self._answers[text] = self._cut_answer(text)
        return known

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        known = self._tokens.get(text)
        if known is None:
            known = self._tokens[text] = len(self.tokenizer.token_ends(text))
        return known

    def _cut_answer(self, text: str) -> Slices:
        data = text.encode()
        ends = self.tokenizer.token_ends(text)[self.slice_tokens - 1 :: self.slice_tokens]
        if not text.isascii():
            starts = code_point_starts(data)
            ends = starts[np.searchsorted(starts, ends)]
        # Empty slices, and a boundary that reaches the end of the text, are dropped.
        kept = ends[(ends > np.concatenate(([0], ends[:-1]))) & (ends < len(data))]
        bounds = np.concatenate(([0], kept, [len(data)]))
        return Slices(data, bounds[:-1], bounds[1:])

    def message(self, text: str, language: str, draws: Draws) -> Slices:
        """The word slices of a user utterance.

        Args:
            text: trimmed, with at least one word.
            language: what its words are told by.
            draws: the number of words of slice i is draw i.
        """
        words = word_spans(text, language)
        firsts: list[int] = []
        lasts: list[int] = []
        position = 0
        while position < len(words):
            count = FEWEST_WORDS + draws.below(MOST_WORDS - FEWEST_WORDS + 1, len(firsts))
            firsts.append(words[position][0])
            position = min(position + count, len(words))
            lasts.append(words[position - 1][1])
        begins, ends = np.array(firsts), np.array(lasts)
        if text.isascii():
            return Slices(text.encode(), begins, ends)
        to_bytes = code_point_bytes(text)
        return Slices(text.encode(), to_bytes[begins], to_bytes[ends])
