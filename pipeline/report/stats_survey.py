"""Rows into counts: one pass, memory flat."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import pyarrow as pa

from ..engine.local import run_local
from ..slice.tokenizers import load_tokenizer
from .rows import RowFile, read_batches
from .stats_batch import COLUMNS, Batch, take_apart
from .stats_tally import Tally, total, words_of
from .stats_texts import Texts, hashes_of
from .stats_tokens import FIRST_ROWS, count_tokens
from .stats_transitions import LISTS, TransitionList, opening_of

BATCH_ROWS = 512

PARTS = 16
"""Into how many parts many files are divided, whatever the number of processes."""

Group = tuple[str, str]
"""A type and a language; empty where no column says."""


@dataclass(slots=True)
class Survey:
    """What is counted over all rows.

    Attributes:
        groups: by type and language.
        texts: by kind of utterance.
        transitions: `(kind, language, sentence)`; None for what is on no list.
        out_of_shape: rows passed over, see `stats_batch.Batch`.
    """

    groups: dict[Group, Tally] = field(default_factory=dict)
    texts: dict[str, Texts] = field(default_factory=dict)
    transitions: Counter[tuple[str, str, str | None]] = field(default_factory=Counter)
    out_of_shape: int = 0

    def merge(self, other: Self) -> None:
        """Adds what another has counted."""
        for group, tally in other.groups.items():
            self.groups.setdefault(group, Tally()).add(tally)
        for kind, texts in other.texts.items():
            self.texts.setdefault(kind, Texts()).merge(texts)
        self.transitions.update(other.transitions)
        self.out_of_shape += other.out_of_shape

    @property
    def whole(self) -> Tally:
        """All groups in one."""
        return total(self.groups.values())


@dataclass(frozen=True, slots=True)
class Job:
    """What one process counts.

    Attributes:
        files: of one format.
        tokenizer: the name of the one whose tokens are counted.
        lists: the transitions that are known.
        every: rows of a group of which every one's tokens are counted; None is all.
    """

    files: tuple[RowFile, ...]
    tokenizer: str
    lists: Mapping[tuple[str, str], TransitionList]
    every: int | None = FIRST_ROWS


def survey(job: Job, workers: int) -> Survey:
    """Counts what is in the rows of some files, in several processes where there are many.

    Raises:
        FolderError: a file cannot be read.
    """
    found = Survey()
    # The parts do not depend on the workers, so neither do the figures.
    size = -(-len(job.files) // PARTS)
    begins = range(0, len(job.files), size)
    every = max(1, job.every // len(begins)) if job.every else None
    parts = (replace(job, files=job.files[begin : begin + size], every=every) for begin in begins)
    for part in run_local(count_files, parts, workers):
        found.merge(part)
    return found


def count_files(job: Job) -> Survey:
    """Counts what is in the rows of some files, in this process."""
    found = Survey()
    tokenizer = load_tokenizer(job.tokenizer)
    for file in job.files:
        for rows in read_batches(file, COLUMNS[file.format], BATCH_ROWS):
            batch = take_apart(rows, file.format, told=not file.released)
            found.out_of_shape += batch.out_of_shape
            words = words_of(batch)
            for group, numbers in _groups(batch).items():
                tally = found.groups.setdefault(group, Tally())
                chosen = np.array(numbers)
                tally.count(batch, chosen, words)
                count_tokens(tally.tokens, batch, chosen, tokenizer, job.every)
            _count_texts(found, batch)
            if batch.told:
                _count_transitions(found.transitions, batch, job.lists)
    return found


def _groups(batch: Batch) -> dict[Group, list[int]]:
    """The rows of each type and language."""
    found: dict[Group, list[int]] = {}
    for number, group in enumerate(zip(batch.types, batch.languages, strict=True)):
        found.setdefault((group[0] or "", group[1] or ""), []).append(number)
    return found


def _count_texts(found: Survey, batch: Batch) -> None:
    kinds = batch.utterances.kind
    hashes = hashes_of(batch.bare_texts)
    for kind in sorted(set(kinds.tolist())):
        numbers = np.flatnonzero(kinds == kind)
        said = found.texts.setdefault(kind, Texts())
        said.add(hashes[numbers], batch.texts.take(pa.array(numbers)))


def _count_transitions(
    counts: Counter[tuple[str, str, str | None]],
    batch: Batch,
    lists: Mapping[tuple[str, str], TransitionList],
) -> None:
    told = batch.utterances
    for number in np.flatnonzero(np.isin(told.kind.astype(str), list(LISTS))).tolist():
        kind, language = told.kind[number], batch.languages[int(told.row[number])] or ""
        text, known = batch.texts[number].as_py(), lists.get((kind, language))
        counts[kind, language, opening_of(text, told.origin[number], known)] += 1
