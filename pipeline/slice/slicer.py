"""Texts into slices: words for the user, tokens for the assistant (rule 2).

Texts are cut many at a time, by arithmetic on the UTF-8 of all of them end to end: what
each costs by itself is its encoding and its place in a list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..chance import Draws, below_all
from .code_points import code_point_starts
from .columns import count_up
from .tokenizers import Tokenizer
from .words import spaces_beyond_ascii, word_edges, word_spans

FEWEST_WORDS = 4
MOST_WORDS = 6

_KEPT = 1_000_000
"""More than answers are apart that several rows say; with what belongs to it, some 4 MB."""

Offsets = npt.NDArray[np.int64]

Text = str | bytes
"""A text, or its UTF-8: whoever has the one need not make the other to see whether it is known."""

_NONE: Offsets = np.zeros(0, dtype=np.int64)


@dataclass(slots=True)  # frozen it takes three times as long to make, and these are millions
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
    _inner: list[int] | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        """How many slices."""
        return len(self.ends)

    def code_point_ends(self) -> Offsets:
        """The code point after the last of each slice."""
        if self.data.isascii():
            return self.ends
        return np.searchsorted(code_point_starts(self.data), self.ends)

    def inner_ends(self) -> list[int]:
        """The code point after each slice but the last: where an answer can be cut (rule 4)."""
        if self._inner is None:  # every type that cuts asks
            self._inner = self.code_point_ends()[:-1].tolist()
        return self._inner

    def heard(self, code_points: int) -> int:
        """How many slices are heard if so many code points are (rule 4: all of each)."""
        return int(np.searchsorted(self.code_point_ends(), code_points, side="right"))


class Cuts(NamedTuple):
    """The slices of many texts, those of a text after each other.

    Attributes:
        counts: how many each text has.
        begins: the byte of its text at which each slice begins.
        ends: the byte after its last.
    """

    counts: Offsets
    begins: Offsets
    ends: Offsets


@dataclass(slots=True)
class Slicer:
    """Cuts texts; an answer that several scripts share is cut once.

    What was cut is kept in two generations, so that memory stays flat.

    Attributes:
        tokenizer: whose tokens an assistant slice is counted in.
        slice_tokens: how many of them.
        kept: characters of answers that begin a new generation, which lets the one before
            the last go.
    """

    tokenizer: Tokenizer
    slice_tokens: int
    kept: int = _KEPT
    _answers: dict[Text, Slices] = field(default_factory=dict, repr=False)
    _before: dict[Text, Slices] = field(default_factory=dict, repr=False)
    _held: int = field(default=0, repr=False)
    _tokens: dict[str, int] = field(default_factory=dict, repr=False)

    def answer(self, text: Text) -> Slices:
        """The token slices of an assistant utterance's planned text."""
        known = self._known(text)
        if known is None:
            self.cut_answers((text,))
            known = self._answers[text]
        return known

    def answers(self, texts: Sequence[Text]) -> Cuts:
        """The token slices of many assistant utterances' planned texts."""
        found = list(map(self._answers.get, texts))
        self.cut_answers(text for text, one in zip(texts, found, strict=True) if one is None)
        ends = [
            (self.answer(text) if one is None else one).ends
            for text, one in zip(texts, found, strict=True)
        ]
        if not ends:
            return Cuts(_NONE, _NONE, _NONE)
        counts = np.fromiter(map(len, ends), np.int64, len(ends))
        flat = np.concatenate(ends)
        begins = np.empty_like(flat)
        begins[1:] = flat[:-1]
        begins[np.cumsum(counts) - counts] = 0
        return Cuts(counts, begins, flat)

    def _known(self, text: Text) -> Slices | None:
        """What was cut; of the generation before it is taken over into this one."""
        known = self._answers.get(text)
        if known is None and (known := self._before.get(text)) is not None:
            self._answers[text] = known
            self._held += len(text)
        return known

    def _make_room(self) -> None:
        """Begins a new generation, once this one holds enough; the one before is let go."""
        if self._held > self.kept:
            self._before, self._answers, self._held = self._answers, {}, 0
            self._tokens.clear()

    def cut_answers(self, texts: Iterable[Text]) -> None:
        """Cuts answers that `answer` will be asked for, all of them at once."""
        new = [text for text in dict.fromkeys(texts) if self._known(text) is None]
        if not new:
            return
        self._make_room()
        self._held += sum(map(len, new))
        data = [text if isinstance(text, bytes) else text.encode() for text in new]
        decoded = [text.decode() if isinstance(text, bytes) else text for text in new]
        boundaries = [
            ends[self.slice_tokens - 1 :: self.slice_tokens]
            for ends in self.tokenizer.token_ends_of(decoded)
        ]
        octets = np.frombuffer(b"".join(data), dtype=np.uint8)
        stops = np.cumsum([len(one) for one in data])
        begins = np.concatenate(([0], stops[:-1]))
        counts = np.array([len(one) for one in boundaries])
        ends = np.concatenate(boundaries) + np.repeat(begins, counts)
        text_stops = np.repeat(stops, counts)
        # A boundary inside a code point moves to the next; one has four bytes at most.
        for _byte in range(3):
            at = np.minimum(ends, len(octets) - 1)
            ends += ((octets[at] & 0xC0) == 0x80) & (ends < text_stops)
        # Empty slices, and a boundary that reaches the end of the text, are dropped.
        kept = ends < text_stops
        kept[1:] &= ends[1:] > ends[:-1]
        slices = np.bincount(np.repeat(np.arange(len(new)), counts)[kept], minlength=len(new)) + 1
        after = np.cumsum(slices)
        bounds_begin, bounds_end = _bounds(ends[kept], slices, begins, stops)
        for text, one, (first, last) in zip(new, data, pairwise([0, *after.tolist()]), strict=True):
            self._answers[text] = Slices(one, bounds_begin[first:last], bounds_end[first:last])

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        known = self._tokens.get(text)
        if known is None:
            known = self._tokens[text] = len(self.tokenizer.token_ends(text))
        return known

    def message(self, text: str, language: str, draws: Draws) -> Slices:
        """The word slices of one user utterance; see `cut_messages`."""
        data = text.encode()
        return Slices(
            data, *cut_messages([data], [language], np.array([draws.base], np.uint64))[1:]
        )


def _bounds(
    inner: Offsets, slices: Offsets, begins: Offsets, stops: Offsets
) -> tuple[Offsets, Offsets]:
    """Begins and ends of the slices of all texts, seen from the begin of each text.

    Args:
        inner: the boundaries inside the texts, seen from the begin of the first.
        slices: how many each text has: a boundary fewer.
        begins: where each text begins.
        stops: where it ends.
    """
    after = np.cumsum(slices)
    local = inner - np.repeat(begins, slices - 1)
    is_first = np.zeros(after[-1], dtype=np.bool_)
    is_first[after - slices] = True
    is_last = np.zeros(after[-1], dtype=np.bool_)
    is_last[after - 1] = True
    first, last = np.zeros(after[-1], dtype=np.int64), np.empty(after[-1], dtype=np.int64)
    first[~is_first] = local
    last[~is_last] = local
    last[is_last] = stops - begins
    return first, last


def cut_messages(
    texts: Sequence[bytes], languages: Sequence[str], bases: npt.NDArray[np.uint64]
) -> Cuts:
    """The word slices of user utterances.

    Args:
        texts: in UTF-8, each trimmed and with at least one word.
        languages: what the words of each are told by.
        bases: of the draws of each: the number of words of slice i is draw i.
    """
    plain = np.array([language != "zh" for language in languages], dtype=np.bool_)
    whole = _end_to_end(texts)
    plain[np.searchsorted(whole.after, spaces_beyond_ascii(whole.octets), side="right")] = False
    if plain.all():
        return _cut_plain(whole, bases)
    of_plain, others = np.flatnonzero(plain), np.flatnonzero(~plain)
    parts = [
        _cut_plain(_end_to_end([texts[one] for one in of_plain.tolist()]), bases[of_plain]),
        *(
            _cut_spans(texts[one], languages[one], Draws(int(bases[one])))
            for one in others.tolist()
        ),
    ]
    counts, begins, ends = map(np.concatenate, zip(*parts, strict=True))
    order = np.concatenate((of_plain, others))
    of_all = np.empty_like(counts)
    of_all[order] = counts
    # Each text's slices go where the text stands.
    places = np.repeat((np.cumsum(of_all) - of_all)[order], counts) + count_up(counts)
    in_order = Cuts(of_all, np.empty_like(begins), np.empty_like(ends))
    in_order.begins[places], in_order.ends[places] = begins, ends
    return in_order


class _Whole(NamedTuple):
    """Texts end to end, each with a line break before and after it."""

    octets: npt.NDArray[np.uint8]
    begins: Offsets
    after: Offsets


def _end_to_end(texts: Sequence[bytes]) -> _Whole:
    octets = np.frombuffer(b"\n".join((b"", *texts, b"")), dtype=np.uint8)
    after = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
    begins = np.concatenate((np.ones(1, dtype=np.int64), after + 1))[: len(texts)]
    return _Whole(octets, begins, after)


def _cut_plain(whole: _Whole, bases: npt.NDArray[np.uint64]) -> Cuts:
    """Cuts texts whose words stand between bytes of white space."""
    begins = whole.begins
    if not len(begins):
        return Cuts(_NONE, _NONE, _NONE)
    firsts, lasts = word_edges(whole.octets)
    before = np.searchsorted(firsts, begins)  # words before each text
    words = np.diff(before, append=len(firsts))
    # As many draws as slices of the fewest words would take.
    most = -(-words // FEWEST_WORDS)
    drawn = FEWEST_WORDS + below_all(
        np.repeat(bases, most), MOST_WORDS - FEWEST_WORDS + 1, count_up(most)
    )
    stops = np.cumsum(drawn)
    position = stops - drawn
    of_text = np.cumsum(most) - most
    position -= np.repeat(position[of_text], most)  # words before, in the text
    whose = np.repeat(np.arange(len(begins)), most)
    kept = position < words[whose]
    position, drawn, whose = position[kept], drawn[kept], whose[kept]
    final = np.minimum(position + drawn, words[whose]) - 1
    base, begin = before[whose], begins[whose]
    return Cuts(
        np.bincount(whose, minlength=len(begins)),
        firsts[base + position] - begin,
        lasts[base + final] - begin,
    )


def _cut_spans(data: bytes, language: str, draws: Draws) -> Cuts:
    """Cuts a message at the words that are found in it by itself."""
    text = data.decode()
    words = word_spans(text, language)
    firsts: list[int] = []
    lasts: list[int] = []
    position = 0
    while position < len(words):
        count = FEWEST_WORDS + draws.below(MOST_WORDS - FEWEST_WORDS + 1, len(firsts))
        firsts.append(words[position][0])
        position = min(position + count, len(words))
        lasts.append(words[position - 1][1])
    counts, begins, ends = np.array([len(firsts)]), np.array(firsts), np.array(lasts)
    if len(data) == len(text):
        return Cuts(counts, begins, ends)
    to_bytes = code_point_starts(data)
    return Cuts(counts, to_bytes[begins], to_bytes[ends])
