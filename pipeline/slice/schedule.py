"""Scripts laid out in time: which slice is heard in which pair (rule 3)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..chance import Chance
from ..dialogue import Script, Utterance
from .columns import Ints, SlicedRows, Spoken, count_up, spoken_of, word_draws
from .slicer import Cuts, Slicer, Slices, cut_messages


class SlicedScript(NamedTuple):
    """A script with the slices of its utterances and their places in time.

    Attributes:
        script: what was sliced.
        slices: for each utterance, the slices of its planned text.
        heard: for each utterance, how many of its slices are heard.
        starts: for each utterance, the pair in which its first slice is heard.
        pairs: how many pairs the conversation takes, the silence at its end included.
    """

    script: Script
    slices: tuple[Slices, ...]
    heard: tuple[int, ...]
    starts: tuple[int, ...]
    pairs: int


def slice_spoken(spoken: Spoken, slicer: Slicer, tail_idle: int) -> SlicedRows:
    """Cuts every utterance of scripts and lays the slices out in pairs.

    Args:
        spoken: what is cut.
        slicer: how texts are cut.
        tail_idle: silent pairs at the end of a row, at least.
    """
    is_user = spoken.is_user
    whose = np.repeat(np.arange(len(spoken.counts)), spoken.counts)[is_user]
    languages = [spoken.languages[one] for one in whose.tolist()]
    messages = cut_messages(spoken.texts(is_user), languages, spoken.bases)
    counts, begins, ends = _in_order(spoken, messages, slicer.answers(spoken.answers))
    heard = counts.copy()
    firsts = np.cumsum(counts) - counts
    for number in spoken.cut():
        first, until = firsts[number], spoken.begins[number] + spoken.heard[number]
        heard[number] = np.searchsorted(ends[first : first + counts[number]], until, side="right")
    starts, after = _starts(spoken, ends, firsts, counts, heard)
    # The pair of silence that a remark leaves counts as the first of the tail.
    last = np.cumsum(spoken.counts) - 1
    remark = np.zeros(len(after), dtype=np.bool_)
    spoke = spoken.counts > 0
    silent = spoken.is_statement & (spoken.at < 0)
    remark[spoke] = silent[last[spoke]]
    pairs = after + np.where(remark, max(0, tail_idle - 1), tail_idle)
    return SlicedRows(spoken, counts, begins, ends, heard, starts, pairs)


def slice_scripts(
    scripts: Sequence[Script], slicer: Slicer, seed: int, tail_idle: int
) -> list[SlicedScript]:
    """Cuts scripts and gives each by itself; see `slice_spoken`."""
    rows = slice_spoken(spoken_of(scripts, seed), slicer, tail_idle)
    spoken = rows.spoken
    edges = [0, *np.cumsum(rows.counts).tolist()]
    spans = list(zip(spoken.begins.tolist(), spoken.ends.tolist(), pairwise(edges), strict=True))
    slices = [
        Slices(spoken.data[begin:end], rows.begins[a:b] - begin, rows.ends[a:b] - begin)
        for begin, end, (a, b) in spans
    ]
    heard, starts = rows.heard.tolist(), rows.starts.tolist()
    bounds = pairwise([0, *np.cumsum(spoken.counts).tolist()])
    return [
        SlicedScript(script, tuple(slices[a:b]), tuple(heard[a:b]), tuple(starts[a:b]), pairs)
        for script, (a, b), pairs in zip(scripts, bounds, rows.pairs.tolist(), strict=True)
    ]


def slice_script(script: Script, slicer: Slicer, seed: int, tail_idle: int) -> SlicedScript:
    """Cuts one script; see `slice_spoken`."""
    return slice_scripts([script], slicer, seed, tail_idle)[0]


def slice_message(
    script: Script, utterance: Utterance, ordinal: int, slicer: Slicer, seed: int
) -> Slices:
    """The word slices of a user utterance, the so-manieth of its kind in its script."""
    draws = Chance(seed, (script.key,)).of(word_draws(script.type, utterance.kind, ordinal))
    return slicer.message(utterance.text, script.language, draws)


def joined_rows(sliced: Sequence[SlicedScript], seed: int) -> SlicedRows:
    """Scripts that were sliced one by one, as columns."""
    spoken = spoken_of([one.script for one in sliced], seed)
    slices = [each for one in sliced for each in one.slices]
    counts = np.array([len(one) for one in slices], dtype=np.int64)
    shifts = np.repeat(spoken.begins, counts)
    return SlicedRows(
        spoken,
        counts,
        np.concatenate([*(one.begins for one in slices), shifts[:0]]) + shifts,
        np.concatenate([*(one.ends for one in slices), shifts[:0]]) + shifts,
        np.array([count for one in sliced for count in one.heard], dtype=np.int64),
        np.array([start for one in sliced for start in one.starts], dtype=np.int64),
        np.array([one.pairs for one in sliced], dtype=np.int64),
    )


def _in_order(spoken: Spoken, messages: Cuts, answers: Cuts) -> tuple[Ints, Ints, Ints]:
    """Of all utterances in order, how many slices, and where each begins and ends in the data."""
    counts = np.empty(len(spoken.is_user), dtype=np.int64)
    sides = ((spoken.is_user, messages), (~spoken.is_user, answers))
    for side, cuts in sides:
        counts[side] = cuts.counts
    firsts = np.cumsum(counts) - counts
    begins = np.empty(int(counts.sum()), dtype=np.int64)
    ends = np.empty_like(begins)
    for side, cuts in sides:
        places = np.repeat(firsts[side], cuts.counts) + count_up(cuts.counts)
        shifts = np.repeat(spoken.begins[side], cuts.counts)
        begins[places] = cuts.begins + shifts
        ends[places] = cuts.ends + shifts
    return counts, begins, ends


def _starts(
    spoken: Spoken, ends: Ints, firsts: Ints, counts: Ints, heard: Ints
) -> tuple[Ints, Ints]:
    """The first pair of each utterance, and of each row the pair after its last.

    An answer starts beside the last slice of the query it answers (Duplex-
    UltraChat, Figure 3a); a statement over an answer beside the slice of it that
    begins where the statement does; everything else in the pair after what was
    heard before it. A statement in silence is followed by a pair of silence.
    """
    is_answer, statement = ~spoken.is_user, spoken.is_statement
    over = statement & (spoken.at >= 0)
    takes = np.where(over, 0, heard + (statement & ~over) - is_answer)
    after = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(takes)))
    rows_after = np.cumsum(spoken.counts)
    before_row = after[rows_after - spoken.counts]
    starts = after[:-1] - np.repeat(before_row, spoken.counts) - is_answer
    answers = np.maximum.accumulate(np.where(is_answer, np.arange(len(takes)), 0))
    for number in np.flatnonzero(over).tolist():
        answer = answers[number]
        of_answer = ends[firsts[answer] : firsts[answer] + counts[answer]]
        said = spoken.begins[answer] + spoken.at[number]
        starts[number] = starts[answer] + np.searchsorted(of_answer, said, side="right")
    return starts, after[rows_after] - before_row
