"""What the probes look at: a fair sample of the places where somebody may stop.

A row is in the sample if the hash of its id ends in so many zero bits, and the number of
bits grows as the sample fills, so it is fair, bounded, and the same in every run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from ..slice.words import word_spans
from .rows import RowFile, read_batches
from .stats_batch import COLUMNS, Batch, take_apart
from .stats_transitions import LISTS, TransitionList, opening_of

MOST_EXAMPLES = 150_000
"""Answers and utterances that are kept, at most."""

OPENING_WORDS = 4
"""Words of an utterance that are its opening; a user slice has as many at least."""

_BATCH_ROWS = 512
_CUT_IN = ("query", "stop")
_SENTENCE_END = re.compile(r"[.!?…。！？]")


@dataclass(frozen=True, slots=True)
class SpokenOver:
    """A user utterance that begins over an answer.

    Attributes:
        group: the source dialogue that it belongs to.
        sentence: what of it is no source's: its transition, or the statement's first sentence,
            without end marks. Where there is none, or it is not known, the dialogue takes its
            place.
        kind: of the utterance.
        cut_in: whether it stops the answer; else it is a statement, to be let pass.
        last: its last character.
        first_slice: words of its first slice (tdm).
        words: words in all.
        opening: its first words.
        position: slices (tdm) or code points (duo) of the answer heard before.
        share: of the planned answer, heard before.
    """

    group: str
    sentence: str
    kind: str
    cut_in: bool
    last: str
    first_slice: int
    words: int
    opening: tuple[str, ...]
    position: int
    share: float


@dataclass(frozen=True, slots=True)
class AnswerRun:
    """An answer, as far as it is heard.

    Attributes:
        group: the source dialogue that it belongs to.
        slices: how many are heard.
        cut: whether it is cut after the last of them.
        ends: the last character of each slice.
    """

    group: str
    slices: int
    cut: bool
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worded:
    """A transition or a statement, as it is said.

    Attributes:
        kind: of the utterance.
        language: of the row.
        text: the statement, or the transition alone.
    """

    kind: str
    language: str
    text: str


@dataclass(slots=True)
class Examples:
    """What the probes are made of.

    Attributes:
        most: how many are kept.
        level: a row is in the sample if its hash ends in so many zero bits.
        over: utterances that begin over an answer, each with the hash of its row.
        answers: the same of answers of tdm rows.
        wording: the same of transitions and statements.
    """

    most: int = MOST_EXAMPLES
    level: int = 0
    over: list[tuple[int, SpokenOver]] = field(default_factory=list)
    answers: list[tuple[int, AnswerRun]] = field(default_factory=list)
    wording: list[tuple[int, Worded]] = field(default_factory=list)

    def has(self, key: int) -> bool:
        """Whether the row with this hash is in the sample."""
        return not key & ((1 << self.level) - 1)

    def shrink(self) -> None:
        """Halves the sample while it holds too much."""
        while len(self.over) + len(self.answers) > self.most:
            self.level += 1
            self.over = [one for one in self.over if self.has(one[0])]
            self.answers = [one for one in self.answers if self.has(one[0])]
            self.wording = [one for one in self.wording if self.has(one[0])]


def collect(
    files: Sequence[RowFile],
    lists: Mapping[tuple[str, str], TransitionList],
    most: int = MOST_EXAMPLES,
) -> Examples:
    """The examples of some files' rows.

    Raises:
        FolderError: a file cannot be read.
    """
    found = Examples(most)
    for file in files:
        if file.released:
            continue
        for rows in read_batches(file, COLUMNS[file.format], _BATCH_ROWS):
            keys = [_hash(one or "") for one in rows.column("id").to_pylist()]
            chosen = rows.filter(pa.array([found.has(key) for key in keys]))
            if chosen.num_rows:
                _collect(found, take_apart(chosen, file.format, told=True), lists)
                found.shrink()
    return found


def _collect(
    found: Examples, batch: Batch, lists: Mapping[tuple[str, str], TransitionList]
) -> None:
    keys = [_hash(one or "") for one in batch.ids]
    groups = _groups(batch)
    for number, one in _spoken_over(batch, groups, lists):
        found.over.append((keys[number], one))
    if batch.format == "tdm":
        for number, run in _answers(batch, groups):
            found.answers.append((keys[number], run))
    for number, worded in _wordings(batch, lists):
        found.wording.append((keys[number], worded))


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _groups(batch: Batch) -> list[str]:
    """The source dialogue of each utterance.

    A reset goes on to the next dialogue of its row. In a row of interlaced dialogues it is
    not told who is speaking, so it counts under its first.
    """
    told = batch.utterances
    resets = told.kind == "reset"
    before = np.cumsum(resets)
    row_start = np.searchsorted(told.row, told.row, side="left")
    in_row = before - before[row_start] + resets[row_start]
    groups = []
    for row, number in zip(told.row.tolist(), in_row.tolist(), strict=True):
        sources = batch.source_ids[row] or [batch.ids[row] or ""]
        groups.append(sources[min(number, len(sources) - 1)])
    return groups


def _spoken_over(
    batch: Batch, groups: Sequence[str], lists: Mapping[tuple[str, str], TransitionList]
) -> Iterator[tuple[int, SpokenOver]]:
    """The utterances that begin over an answer, each with its row."""
    told, points = batch.utterances, batch.assistant.points
    for number in np.flatnonzero(told.user & told.over).tolist():
        answer, row, state = number - 1, int(told.row[number]), told.state[number]
        if answer < 0 or told.user[answer] or told.row[answer] != row or state is None:
            continue
        first = int(told.first[answer])
        # In duo, what is before the utterance is the answer's first part.
        pieces = int(told.first[number]) - first if batch.format == "tdm" else 1
        if not 0 < pieces <= told.pieces[answer]:
            continue
        before = int(points[first + pieces] - points[first])
        text, language = batch.texts[number].as_py(), batch.languages[row]
        words, kind = _words(text, language), told.kind[number]
        known = lists.get((kind, language or ""))
        if state in _CUT_IN:
            sentence = opening_of(text, told.origin[number], known)
        else:
            sentence = _SENTENCE_END.split(text, maxsplit=1)[0]
        opening = batch.user.texts[int(told.first[number])].as_py()
        yield (
            row,
            SpokenOver(
                group=groups[number],
                sentence=f"{kind}: {sentence}" if sentence else groups[number],
                kind=kind,
                cut_in=state in _CUT_IN,
                last=text[-1:],
                first_slice=len(_words(opening, language)) if batch.format == "tdm" else 0,
                words=len(words),
                opening=tuple(words[:OPENING_WORDS]),
                position=pieces if batch.format == "tdm" else before,
                share=before / max(1, int(batch.heard[answer] + told.unheard[answer])),
            ),
        )


def _answers(batch: Batch, groups: Sequence[str]) -> Iterator[tuple[int, AnswerRun]]:
    """The answers, each with its row."""
    told, slices = batch.utterances, batch.assistant.texts.to_pylist()
    for number in np.flatnonzero(~told.user).tolist():
        first, count = int(told.first[number]), int(told.pieces[number])
        ends = tuple(text[-1:] for text in slices[first : first + count])
        cut = bool(told.cut[number])
        yield int(told.row[number]), AnswerRun(groups[number], count, cut, ends)


def _wordings(
    batch: Batch, lists: Mapping[tuple[str, str], TransitionList]
) -> Iterator[tuple[int, Worded]]:
    """Transitions and statements, each with its row; none that is on no list."""
    told = batch.utterances
    for number in np.flatnonzero(told.user & (told.kind != "message")).tolist():
        row, kind = int(told.row[number]), told.kind[number]
        language, text = batch.languages[row] or "", batch.texts[number].as_py()
        if kind in LISTS:
            known = lists.get((kind, language))
            text = opening_of(text, told.origin[number], known)
        if text is not None:
            yield row, Worded(kind, language, text)


def _words(text: str, language: str | None) -> list[str]:
    return [text[begin:end] for begin, end in word_spans(text, language or "zh")]
