"""What the rows of one type and language add up to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..slice.words import word_spans
from .arrays import Bools, Ints
from .stats_batch import Batch
from .stats_tokens import TokenTally

MOST_WORDS = 40
"""A user slice's words are counted apart up to so many."""

DECILES = 10


@dataclass(slots=True)
class Tally:
    """Counts over rows; two of them can be added.

    Attributes:
        rows: how many.
        lengths: pairs (tdm) or messages (duo) of a row, and how many rows have so many.
        user_idle, assistant_idle, both_idle: pairs in which that side is silent.
        user_pieces: slices (tdm) or messages (duo) that the user speaks.
        words: in them.
        words_of_piece: (MOST_WORDS + 1,) slices by their words; the last is that and more.
        assistant_pieces: slices or messages that the assistant speaks.
        kinds: utterances by kind and origin.
        cuts: answers by how much of them is heard, in tenths of their code points.
        cut_after: answers that are cut, by the number of the last slice that is heard.
        statements_over: statements that begin over an answer.
        tokens: those of both sides.
        generators: rows by generator.
    """

    rows: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    user_idle: int = 0
    assistant_idle: int = 0
    both_idle: int = 0
    user_pieces: int = 0
    words: int = 0
    words_of_piece: Ints = field(default_factory=lambda: np.zeros(MOST_WORDS + 1, dtype=np.int64))
    assistant_pieces: int = 0
    kinds: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    cuts: Ints = field(default_factory=lambda: np.zeros(DECILES, dtype=np.int64))
    cut_after: Counter[int] = field(default_factory=Counter)
    statements_over: int = 0
    tokens: TokenTally = field(default_factory=TokenTally)
    generators: Counter[str] = field(default_factory=Counter)

    def add(self, other: Self) -> None:
        """Adds the counts of another."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, TokenTally):
                mine.add(theirs)
            else:
                setattr(self, one.name, mine + theirs)

    def count(self, batch: Batch, rows: Ints, words: Ints) -> None:
        """Counts these rows of a batch.

        Args:
            batch: of rows.
            rows: which of them.
            words: of each piece of the user's.
        """
        self.rows += len(rows)
        sizes = np.diff(batch.user.bounds)
        if batch.format == "duo":
            sizes += np.diff(batch.assistant.bounds)
        self.lengths.update(sizes[rows].tolist())
        self.generators.update(one for one in (batch.generators[row] for row in rows) if one)
        self._count_pieces(batch, _within(rows, batch.rows), words)
        self._count_utterances(batch, _within(rows, batch.rows)[batch.utterances.row])

    def _count_pieces(self, batch: Batch, chosen: Bools, words: Ints) -> None:
        of_user = np.repeat(chosen, np.diff(batch.user.bounds))
        of_assistant = np.repeat(chosen, np.diff(batch.assistant.bounds))
        user_silent, silent = batch.user.silent[of_user], batch.assistant.silent[of_assistant]
        self.user_pieces += int((~user_silent).sum())
        self.assistant_pieces += int((~silent).sum())
        spoken = words[of_user][~user_silent]
        self.words += int(spoken.sum())
        self.words_of_piece += np.bincount(np.minimum(spoken, MOST_WORDS), minlength=MOST_WORDS + 1)
        if batch.format == "tdm":
            self.user_idle += int(user_silent.sum())
            self.assistant_idle += int(silent.sum())
            self.both_idle += int((user_silent & silent).sum())

    def _count_utterances(self, batch: Batch, chosen: Bools) -> None:
        told = batch.utterances
        self.kinds.update(zip(told.kind[chosen], told.origin[chosen], strict=True))
        if not batch.told:
            return
        self.statements_over += int((chosen & told.over & (told.state == "statement")).sum())
        cut = chosen & told.cut & ~told.user
        heard, unheard = batch.heard[cut], told.unheard[cut]
        tenth = np.minimum(heard * DECILES // (heard + unheard), DECILES - 1)
        self.cuts += np.bincount(tenth, minlength=DECILES)
        if batch.format == "tdm":
            self.cut_after.update(told.pieces[cut].tolist())


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of several."""
    whole = Tally()
    for one in tallies:
        whole.add(one)
    return whole


def words_of(batch: Batch) -> Ints:
    """The words of each piece of the user's; where no language is said, as in either."""
    by_space = pc.list_value_length(batch.user_words)
    words: Ints = by_space.to_numpy(zero_copy_only=False).astype(np.int64)
    words[batch.user.silent] = 0
    spaced = np.array([language == "en" for language in batch.languages], dtype=bool)
    of_piece = spaced[np.repeat(np.arange(batch.rows), np.diff(batch.user.bounds))]
    wide = ~of_piece & ~_ascii(batch.user.texts)
    texts = batch.user.texts.filter(pa.array(wide)).to_pylist()
    words[wide] = [len(word_spans(text, "zh")) for text in texts]
    return words


def _ascii(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.string_is_ascii(texts).to_numpy(zero_copy_only=False)
    return found


def _within(rows: Ints, count: int) -> Bools:
    chosen = np.zeros(count, dtype=bool)
    chosen[rows] = True
    return chosen
