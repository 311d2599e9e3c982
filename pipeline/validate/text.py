"""Text as the rules speak of it: markers, slices of a planned text, words of a message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..slice.tokenizers import Tokenizer
from ..slice.words import word_spans
from .nouns import Said

WORD_JOINER = "\u2060"
IDLE = "<idle>"
FEWEST_WORDS = 4
MOST_WORDS = 6


@dataclass(frozen=True, slots=True)
class Markers:
    """The control tokens that no text may hold (rule 6)."""

    bare: re.Pattern[str]
    defusable: re.Pattern[str]
    undoable: re.Pattern[str]

    def defused(self, text: str) -> str:
        """The text with one U+2060 more in each marker, defused before or not."""
        if "<" not in text:
            return text
        return self.defusable.sub(lambda found: found[0] + WORD_JOINER, text)

    def undone(self, text: str) -> str:
        """The text with one U+2060 less in each marker that holds one."""
        if WORD_JOINER not in text:
            return text
        return self.undoable.sub(lambda found: found[0][:-1], text)

    def defused_in(self, one: Said) -> tuple[int, int]:
        """How many markers of an utterance are defused, at least and at most.

        What stands between a user's slices is in none of them: a marker that lies across two
        is one only if nothing does.
        """
        if one.slices is None:
            count = self._count(one.planned)
            return count, count
        whole = "".join(one.slices)
        if WORD_JOINER not in whole:
            return 0, 0
        return sum(map(self._count, one.slices)), self._count(whole)

    def _count(self, text: str) -> int:
        return len(self.undoable.findall(text)) if WORD_JOINER in text else 0

    def first_in(self, text: str) -> str | None:
        """The first marker that stands in the text as it is, or None."""
        found = self.bare.search(text) if "<" in text else None
        return found[0] if found else None


def compile_markers(markers: Sequence[str]) -> Markers:
    """The markers that begin with `<`, as patterns."""
    # Of two markers of which one begins the other, the longer must be tried first.
    tails = sorted((one[1:] for one in markers if one[:1] == "<"), key=len, reverse=True)
    any_tail = "|".join(map(re.escape, tails)) or "(?!)"
    return Markers(
        bare=re.compile(f"<(?:{any_tail})"),
        defusable=re.compile(f"<{WORD_JOINER}*(?={any_tail})"),
        undoable=re.compile(f"<{WORD_JOINER}+(?={any_tail})"),
    )


_MOST = 8_000_000
"""Characters of texts whose slices are kept: some 30 MB."""


@dataclass(slots=True)
class Cutter:
    """Cuts planned texts into slices (rule 2), each distinct text once until it is let go."""

    tokenizer: Tokenizer
    slice_tokens: int
    most: int = _MOST
    _slices: dict[str, list[str]] = field(default_factory=dict)
    _words: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _tokens: dict[str, int] = field(default_factory=dict)
    _held: int = 0

    def slices(self, text: str) -> list[str]:
        """The slices of a planned assistant text."""
        known = self._slices.get(text)
        if known is None:
            known = self._slices[text] = self._cut(text)
            self._held += len(text)
        return known

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        known = self._tokens.get(text)
        if known is None:
            known = self._tokens[text] = len(self.tokenizer.token_ends(text))
            self._held += len(text)
        return known

    def words(self, text: str, language: str) -> list[tuple[int, int]]:
        """Where the words of a message stand, in code points."""
        known = self._words.get(text)
        if known is None:
            known = self._words[text] = word_spans(text, language)
            self._held += len(text)
        return known

    def forget(self) -> None:
        """Lets the texts go once they are many; called between batches, so memory stays flat."""
        if self._held < self.most:
            return
        self._held = 0
        self._slices.clear()
        self._words.clear()
        self._tokens.clear()

    def _cut(self, text: str) -> list[str]:
        ends = self.tokenizer.token_ends(text)
        boundaries: list[int] = ends[self.slice_tokens - 1 :: self.slice_tokens].tolist()
        if text.isascii():
            size, begin, slices = len(text), 0, []
            for end in boundaries:
                if begin < end < size:
                    slices.append(text[begin:end])
                    begin = end
            slices.append(text[begin:])
            return slices
        data = text.encode()
        size, begin, slices = len(data), 0, []
        for boundary in boundaries:
            end = boundary
            while end < size and data[end] & 0xC0 == 0x80:  # inside a code point
                end += 1
            if begin < end < size:
                slices.append(data[begin:end].decode())
                begin = end
        slices.append(data[begin:].decode())
        return slices


def slices_fault(
    slices: Sequence[str], message: str, spans: Sequence[tuple[int, int]] | None
) -> tuple[str, str, str] | None:
    """Where user slices leave the message that they are cut from.

    Args:
        slices: the user's slices, in order.
        message: the message, trimmed and defused.
        spans: its words; None where white space alone parts them.

    Returns:
        The broken check, what is expected and what is found; or None.
    """
    starts = {begin: index for index, (begin, _) in enumerate(spans)} if spans else {}
    position, size = 0, len(message)
    firsts: list[int] = []
    for one in slices:
        if not message.startswith(one, position):
            there = message[position : position + len(one)]
            return "source", f"the user's slice {there!r}, as in the source", repr(one)
        if spans:
            if position not in starts:
                return "rule 2", "a user slice that begins at a word", repr(one)
            firsts.append(starts[position])
        position += len(one)
        following = position
        while following < size and message[following].isspace():
            following += 1
        if not spans and following == position and position < size:
            return "rule 2", "a user slice that ends at a word's end", repr(one)
        position = following
    if position < size:
        return (
            "source",
            f"the user's text goes on: {message[position : position + 60]!r}",
            "its end",
        )
    if spans:
        counts = [
            after - before for before, after in zip(firsts, [*firsts[1:], len(spans)], strict=True)
        ]
        return counts_fault(counts)
    return None


def counts_fault(counts: Sequence[int]) -> tuple[str, str, str] | None:
    """Which word count of an utterance's slices rule 2 forbids; see `slices_fault`."""
    for count in counts[:-1]:
        if not FEWEST_WORDS <= count <= MOST_WORDS:
            return "rule 2", f"{FEWEST_WORDS}-{MOST_WORDS} words a user slice", f"{count}"
    if counts and not 1 <= counts[-1] <= MOST_WORDS:
        return "rule 2", f"1-{MOST_WORDS} words in a last user slice", f"{counts[-1]}"
    return None


def joined(slices: Sequence[str], language: str, unusual: Any) -> str:
    """A message from its slices: one space between two, in Chinese nothing, if not told else.

    Args:
        slices: of the message.
        language: of the row.
        unusual: what the file says: `[border, white space]` of each that is not the usual.
    """
    between = ["" if language == "zh" else " "] * (len(slices) - 1)
    for one in unusual if isinstance(unusual, list) else ():
        match one:
            case [int(border), str(space)] if 0 <= border < len(between) and not space.strip():
                between[border] = space
    return "".join(part for pair in zip(slices, [*between, ""], strict=True) for part in pair)


def ends_in(slices: Sequence[str], message: str) -> bool:
    """Whether user slices, read as words with white space between slices, end in a message."""
    position = len(message)
    for one in reversed(slices):
        if len(one) >= position:
            return one.endswith(message[:position])
        if not message.endswith(one, 0, position):
            return False
        position -= len(one)
        while position and message[position - 1].isspace():
            position -= 1
    return position == 0
