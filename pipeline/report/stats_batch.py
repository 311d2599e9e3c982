"""A batch of rows taken apart into arrays, the same for both formats.

A *piece* is a slice (tdm) or a message (duo). An utterance is a run of pieces of one side,
so its text is found by two numbers, and lengths are differences of running sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..markers import IDLE
from .arrays import (
    Bools,
    Ints,
    Objects,
    bounds_of,
    is_user,
    numbers_of,
    objects,
    running,
    texts_between,
    true,
)
from .rows import RowFormat

COLUMNS = {
    "tdm": ("id", "type", "language", "output", "utterances", "source_ids", "generator"),
    "duo": ("id", "type", "language", "messages", "utterances", "source_ids", "generator"),
}
"""What is read of a row."""

_OF_A_ROW = ("id", "type", "language", "generator", "source_ids")

_ENDS_IN_STATE = r"<[12]>$"


@dataclass(frozen=True, slots=True)
class Side:
    """The pieces of one side of a batch, all rows in one.

    Attributes:
        texts: the text of each piece, empty where it is silent; of duo, without state token.
        silent: whether it is.
        bounds: (rows + 1,) the first piece of each row, and the end.
        points: (pieces + 1,) code points before each piece.
        bytes: (pieces + 1,) UTF-8 bytes before each piece.
    """

    texts: pa.StringArray
    silent: Bools
    bounds: Ints
    points: Ints
    bytes: Ints

    def by_row(self, ends: Ints) -> Ints:
        """A running sum over pieces as a sum for each row."""
        return np.diff(ends[self.bounds])


@dataclass(frozen=True, slots=True)
class Utterances:
    """Who says what, an entry an utterance, in order of the rows.

    Attributes:
        row: of the batch, from 0.
        user: whether the user speaks.
        first: its first piece on its side.
        pieces: how many it has, silent ones among them.
        over: whether it begins over the other side.
        unheard: code points of it that are.
        kind: see docs/formats.md; `message` and `answer` where no column says more.
        state: of the user; None where no column says.
        origin: None where no column says.
    """

    row: Ints
    user: Bools
    first: Ints
    pieces: Ints
    over: Bools
    unheard: Ints
    kind: Objects
    state: Objects
    origin: Objects

    def taken(self, numbers: Ints) -> "Utterances":
        """Those with these numbers."""
        return Utterances(
            self.row[numbers],
            self.user[numbers],
            self.first[numbers],
            self.pieces[numbers],
            self.over[numbers],
            self.unheard[numbers],
            self.kind[numbers],
            self.state[numbers],
            self.origin[numbers],
        )

    @property
    def cut(self) -> Bools:
        """Whether something of it is unheard."""
        return self.unheard > 0


@dataclass(frozen=True)
class Batch:
    """Rows of one format.

    Attributes:
        format: of the rows.
        told: whether the rows have utterances; else they are drawn out of the silence.
        ids, types, languages, generators: a value a row; None where no column says.
        source_ids: of each row.
        user, assistant: the two sides.
        utterances: of all rows.
        out_of_shape: how many rows were passed over, since they are not user, assistant, ....
    """

    format: RowFormat
    told: bool
    ids: Sequence[str | None]
    types: Sequence[str | None]
    languages: Sequence[str | None]
    generators: Sequence[str | None]
    source_ids: Sequence[Sequence[str] | None]
    user: Side
    assistant: Side
    utterances: Utterances
    out_of_shape: int = 0

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.ids)

    @cached_property
    def heard(self) -> Ints:
        """The code points heard of each utterance."""
        return self._of_utterances("points")

    @cached_property
    def heard_bytes(self) -> Ints:
        """The same in bytes."""
        return self._of_utterances("bytes")

    def _of_utterances(self, name: str) -> Ints:
        told = self.utterances
        lengths = np.zeros(len(told.row), dtype=np.int64)
        for side, mask in ((self.user, told.user), (self.assistant, ~told.user)):
            ends, first = getattr(side, name), told.first[mask]
            lengths[mask] = ends[first + told.pieces[mask]] - ends[first]
        return lengths

    @cached_property
    def user_words(self) -> pa.ListArray:
        """The words between white space of each of the user's pieces."""
        return pc.utf8_split_whitespace(pc.utf8_trim_whitespace(self.user.texts))

    @cached_property
    def texts(self) -> pa.StringArray:
        """What is heard of each utterance.

        White space between the slices of a Chinese message is not in the row, so it is lost.
        """
        spaced = np.array([language != "zh" for language in self.languages], dtype=bool)
        space = spaced[np.repeat(np.arange(self.rows), np.diff(self.user.bounds))]
        space &= ~self.user.silent
        between = pc.if_else(pa.array(space), " ", "")
        parts = pc.binary_join_element_wise(self.user.texts, between, "")
        ends = running(numbers_of(pc.binary_length(parts)))
        texts = self._joined(parts, ends)
        return pc.if_else(pa.array(self.utterances.user), pc.utf8_rtrim_whitespace(texts), texts)

    @cached_property
    def bare_texts(self) -> pa.StringArray:
        """The same, user text without white space: the same text however it is cut."""
        words = self.user_words.flatten()
        of_words = running(numbers_of(pc.binary_length(words)))
        return self._joined(words, of_words[bounds_of(self.user_words)])

    def _joined(self, user_parts: pa.StringArray, user_ends: Ints) -> pa.StringArray:
        """The text of each utterance, out of the parts of the user's pieces.

        Args:
            user_parts: joined, the text of the user's side.
            user_ends: (pieces + 1,) bytes of them before each piece.
        """
        told = self.utterances
        texts = pa.array(np.full(len(told.row), "", dtype=object), pa.string())
        assistant = self.assistant
        for parts, ends, mask in (
            (user_parts, user_ends, told.user),
            (assistant.texts, assistant.bytes, ~told.user),
        ):
            first = told.first[mask]
            found = texts_between(parts, ends[first], ends[first + told.pieces[mask]])
            texts = pc.replace_with_mask(texts, pa.array(mask), found)
        return texts


def take_apart(batch: pa.RecordBatch, row_format: RowFormat, *, told: bool) -> Batch:
    """The arrays of a batch.

    Args:
        batch: with the `COLUMNS` of its format.
        row_format: of the rows.
        told: whether the file has utterances.
    """
    column = "output" if row_format == "tdm" else "messages"
    shaped = _in_shape(batch.column(column), row_format)
    if told:
        shaped &= true(pc.is_valid(batch.column("utterances")))
    passed_over = int((~shaped).sum())
    if passed_over:
        batch = batch.filter(pa.array(shaped))
    bounds, flat = bounds_of(batch.column(column)), batch.column(column).flatten()
    contents, by_user = pc.struct_field(flat, "content"), is_user(flat)
    if row_format == "duo":
        contents = pc.replace_substring_regex(contents, _ENDS_IN_STATE, "")
    sides = {}
    position = np.zeros(len(by_user), dtype=np.int64)  # of a message on its side
    for user, mask in ((True, by_user), (False, ~by_user)):
        before = np.concatenate(([0], np.cumsum(mask)))
        position[mask] = np.arange(before[-1])
        sides[user] = _side(contents.filter(pa.array(mask)), before[bounds])
    if told:
        utterances = _told(batch.column("utterances"), sides, position, bounds, row_format)
    else:
        utterances = _drawn(sides[True], sides[False], row_format)
    held = {name: batch.column(name).to_pylist() for name in _OF_A_ROW}
    return Batch(
        row_format,
        told,
        ids=held["id"],
        types=held["type"],
        languages=held["language"],
        generators=held["generator"],
        source_ids=held["source_ids"],
        user=sides[True],
        assistant=sides[False],
        utterances=utterances,
        out_of_shape=passed_over,
    )


def _in_shape(messages: pa.ListArray, row_format: RowFormat) -> Bools:
    """Which rows can be counted: roles and contents are there; of tdm, strictly in turn."""
    bounds, flat = bounds_of(messages), messages.flatten()
    lengths = np.diff(bounds)
    user = is_user(flat)
    fits = true(pc.is_valid(pc.struct_field(flat, "content")))
    fits &= user | true(pc.equal(pc.struct_field(flat, "role"), "assistant"))
    if row_format == "tdm":
        in_row = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
        fits &= user == (in_row % 2 == 0)
    wrong = np.concatenate(([0], np.cumsum(~fits)))
    whole = (lengths % 2 == 0) | (row_format == "duo")
    shaped: Bools = (lengths > 0) & whole & (wrong[bounds[1:]] == wrong[bounds[:-1]])
    return shaped


def _side(texts: pa.StringArray, bounds: Ints) -> Side:
    silent = true(pc.equal(texts, IDLE)) | true(pc.equal(texts, ""))
    spoken = pc.if_else(pa.array(silent), "", texts)
    lengths = (pc.utf8_length(spoken), pc.binary_length(spoken))
    return Side(spoken, silent, bounds, *(running(numbers_of(one)) for one in lengths))


def _told(
    column: pa.ListArray,
    sides: Mapping[bool, Side],
    position: Ints,
    bounds: Ints,
    row_format: RowFormat,
) -> Utterances:
    """The utterances of the column; those that lie outside their row are passed over."""
    told_bounds, flat = bounds_of(column), column.flatten()
    row = np.repeat(np.arange(len(told_bounds) - 1), np.diff(told_bounds))
    user, over = is_user(flat), true(pc.struct_field(flat, "over"))
    start, pieces = (numbers_of(pc.struct_field(flat, name)) for name in ("start", "slices"))
    state, origin = (objects(pc.struct_field(flat, name)) for name in ("state", "origin"))
    kind = objects(pc.fill_null(pc.struct_field(flat, "kind"), ""))
    if row_format == "tdm":
        message = 2 * start + ~user
    else:
        message = start
        # An answer with a statement over it has two parts.
        parted = np.append((row[1:] == row[:-1]) & over[1:] & (state[1:] == "statement"), False)
        pieces = np.where(parted[: len(row)] & ~user, 2, 1)
    kept = (start >= 0) & (pieces > 0) & (message < (bounds[1:] - bounds[:-1])[row])
    first = np.zeros(len(row), dtype=np.int64)
    first[kept] = position[bounds[row[kept]] + message[kept]]
    for by_user, side in sides.items():
        kept &= (user != by_user) | (first + pieces <= side.bounds[1:][row])
    unheard = numbers_of(pc.utf8_length(pc.struct_field(flat, "unheard")))
    every = Utterances(row, user, first, pieces, over, unheard, kind, state, origin)
    return every.taken(np.flatnonzero(kept))


def _drawn(user: Side, assistant: Side, row_format: RowFormat) -> Utterances:
    """What can be told without a column: who speaks without a pause.

    A run of the user's ends where the assistant begins beside it, or where the user falls
    silent; an answer ends where the user speaks again.
    """
    if row_format == "tdm":
        speaks, answers = ~user.silent, ~assistant.silent
        opens = np.zeros(len(speaks), dtype=bool)
        opens[user.bounds[:-1]] = True
        spoke, answered = (np.append(False, one)[:-1] for one in (speaks, answers))
        runs = (
            _runs(speaks, speaks & (opens | ~spoke | answered)),
            _runs(answers, answers & (opens | ~answered | speaks)),
        )
    else:
        runs = (_runs(~user.silent, ~user.silent), _runs(~assistant.silent, ~assistant.silent))
    first = np.concatenate([begins for begins, _ in runs])
    by_user = np.repeat([True, False], [len(begins) for begins, _ in runs])
    row = np.zeros(len(first), dtype=np.int64)
    for side, mask in ((user, by_user), (assistant, ~by_user)):
        row[mask] = np.searchsorted(side.bounds, first[mask], side="right") - 1
    nothing = np.full(len(first), None, dtype=object)
    none = np.zeros(len(first), dtype=np.int64)
    every = Utterances(
        row,
        by_user,
        first,
        np.concatenate([pieces for _, pieces in runs]),
        none.astype(bool),
        none,
        np.where(by_user, "message", "answer").astype(object),
        nothing,
        nothing,
    )
    return every.taken(np.lexsort((~by_user, first, row)))


def _runs(speaks: Bools, begins: Bools) -> tuple[Ints, Ints]:
    """The first piece of each run, and how many it has."""
    first = np.flatnonzero(begins)
    number = np.cumsum(begins) - 1
    return first, np.bincount(number[speaks], minlength=len(first))
