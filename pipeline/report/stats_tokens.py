"""Tokens of what is said: counted in some rows, and by bytes in the others.

Counting them costs more than all else together. So of the first rows of a type every one is
counted, of twice as many after them every second, of four times as many every fourth, and
so on. What is not counted has as many tokens a byte as what is, among its neighbours; the
bytes are known of every row. That errs by much less than the rows differ.
"""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa

from ..slice.tokenizers import Tokenizer
from .arrays import Bools, Ints
from .stats_batch import Batch

FIRST_ROWS = 1_000
"""Rows of a type and language of which every one is counted."""

MOST_TOKENS = 40
"""An assistant slice's tokens are counted apart up to so many."""

_STRATA = 48


def _zeros(*shape: int) -> Ints:
    return np.zeros(shape, dtype=np.int64)


@dataclass(slots=True)
class TokenTally:
    """Bytes and tokens by stratum (1 of 2**s rows is counted) and side (user, assistant).

    Attributes:
        seen: rows.
        counted: rows whose tokens are counted.
        bytes: (strata, 2) of all rows.
        counted_bytes: (strata, 2) of the counted rows.
        tokens: (strata, 2) in them.
        of_slice: (MOST_TOKENS + 1,) assistant slices by their tokens, of the counted rows,
            each as often as the rows that it stands for; the last is that and more.
    """

    seen: int = 0
    counted: int = 0
    bytes: Ints = field(default_factory=lambda: _zeros(_STRATA, 2))
    counted_bytes: Ints = field(default_factory=lambda: _zeros(_STRATA, 2))
    tokens: Ints = field(default_factory=lambda: _zeros(_STRATA, 2))
    of_slice: Ints = field(default_factory=lambda: _zeros(MOST_TOKENS + 1))

    def add(self, other: Self) -> None:
        """Adds the counts of another."""
        self.seen += other.seen
        self.counted += other.counted
        self.bytes += other.bytes
        self.counted_bytes += other.counted_bytes
        self.tokens += other.tokens
        self.of_slice += other.of_slice

    def estimate(self) -> tuple[float, float]:
        """The tokens of the user and of the assistant, in all rows."""
        ratio = self.tokens / np.maximum(self.counted_bytes, 1)
        user, assistant = (self.bytes * ratio).sum(axis=0).tolist()
        return user, assistant


def count_tokens(
    tally: TokenTally,
    batch: Batch,
    rows: Ints,
    tokenizer: Tokenizer,
    every: int | None = FIRST_ROWS,
) -> None:
    """Counts the tokens of these rows, an utterance a text.

    Args:
        tally: of their type and language.
        batch: that they are of.
        rows: which.
        tokenizer: whose tokens.
        every: rows of which every one is counted; None is all.
    """
    strata, chosen = _sample(tally.seen, len(rows), every)
    sizes = np.stack(
        [side.by_row(side.bytes)[rows] for side in (batch.user, batch.assistant)], axis=1
    )
    tally.seen += len(rows)
    tally.counted += int(chosen.sum())
    np.add.at(tally.bytes, strata, sizes)
    np.add.at(tally.counted_bytes, strata[chosen], sizes[chosen])
    stratum_of_row = np.full(batch.rows, -1, dtype=np.int64)
    stratum_of_row[rows[chosen]] = strata[chosen]
    told = batch.utterances
    numbers = np.flatnonzero(stratum_of_row[told.row] >= 0).tolist()
    texts = batch.texts.take(pa.array(numbers, pa.int64())).to_pylist()
    for number, text in zip(numbers, texts, strict=True):
        ends = tokenizer.token_ends(text)
        stratum = int(stratum_of_row[told.row[number]])
        user = bool(told.user[number])
        tally.tokens[stratum, int(not user)] += len(ends)
        if batch.format == "tdm" and not user:
            first, pieces = int(told.first[number]), int(told.pieces[number])
            bounds = batch.assistant.bytes[first : first + pieces + 1]
            # Of an answer's slice: the tokens that end in it.
            each = np.diff(np.searchsorted(ends, bounds - bounds[0], side="right"))
            counts = np.bincount(np.minimum(each, MOST_TOKENS), minlength=MOST_TOKENS + 1)
            tally.of_slice += counts << stratum


def _sample(seen: int, more: int, every: int | None) -> tuple[Ints, Bools]:
    """The stratum of each of the next rows, and whether it is counted."""
    strata = np.zeros(more, dtype=np.int64)
    if every is None:
        return strata, np.ones(more, dtype=bool)
    ordinals = np.arange(seen, seen + more)
    strata = np.floor(np.log2(ordinals // every + 1)).astype(np.int64)
    # The first of a stratum is counted in any case, so that none is without a ratio.
    first = ordinals == every * ((1 << strata) - 1)
    return strata, first | (ordinals % (1 << strata) == 0)
