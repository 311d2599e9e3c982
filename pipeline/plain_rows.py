"""Rows of `uninterrupted` without statements: of a block's columns straight to those of its rows.

They say what `interrupt/uninterrupted.py` does of each dialogue, without an object for each
utterance: most of a build may be such rows.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from .chance import draw_bases
from .dialogue import SOURCE
from .interrupt.uninterrupted import NAME
from .load.block import Block
from .markers import defuse
from .plan import PlannedRow
from .recipe import Recipe
from .slice.columns import Bools, Ints, Spoken, count_up, word_draws
from .slice.words import is_ascii_space

_NOT_ASCII = 0x80


def are_plain(rows: Sequence[PlannedRow], recipe: Recipe) -> bool:
    """Whether all of these rows of dialogues say them whole, and nothing is added."""
    return not recipe.statements and all(row.type == NAME and row.rounds is None for row in rows)


def makes_plain(recipe: Recipe) -> bool:
    """Whether all rows that a recipe makes of dialogues are such."""
    is_whole = recipe.max_tokens is None and not (recipe.sources or recipe.statements)
    return is_whole and set(recipe.rates) == {NAME}


def plain_spoken(rows: Sequence[PlannedRow], block: Block, recipe: Recipe) -> Spoken:
    """What is said in such rows.

    Args:
        rows: in the order of the block.
        block: whose dialogues they are.
        recipe: of the run.
    """
    members = [row.members[0] for row in rows]
    counts = block.counts[members]
    within = count_up(counts)
    turns = np.repeat((np.cumsum(block.counts) - block.counts)[members], counts) + within
    ends = block.ends[turns]
    begins = ends - np.frombuffer(block.lengths, dtype=np.int32)[turns]
    first, last = int(begins[0]), int(ends[-1])
    data = block.data[first:last]
    begins, ends = begins - first, ends - first
    is_user = within % 2 == 0
    _trim(data, begins, ends, is_user)
    joined = _defused(data, begins, ends, recipe.markers)
    if joined:
        data, begins, ends = _replaced(data, begins, ends, joined)
    keys = [block.keys[member] for member in members]
    names = [block.names[member] for member in members]
    rounds = len(begins) // 2
    answers = zip(begins[~is_user].tolist(), ends[~is_user].tolist(), strict=True)
    return Spoken(
        ids=[row.id for row in rows],
        types=[NAME] * len(rows),
        languages=[block.languages[member] for member in members],
        source_ids=[(name,) for name in names],
        generators=[SOURCE] * len(rows),
        counts=counts,
        data=data,
        begins=begins,
        ends=ends,
        heard=ends - begins,
        at=np.full(len(begins), -1, dtype=np.int64),
        is_user=is_user,
        is_statement=np.zeros(len(begins), dtype=np.bool_),
        states=["query", None] * rounds,
        kinds=["message", "answer"] * rounds,
        origins=[SOURCE] * len(begins),
        answers=[data[begin:end] for begin, end in answers],
        bases=draw_bases(recipe.seed, zip(keys, map(_draws, counts.tolist()), strict=True)),
        joined=list(joined),
    )


@lru_cache(maxsize=1024)
def _draws(turns: int) -> tuple[str, ...]:
    """What is drawn for each message of a dialogue of so many turns."""
    return tuple(word_draws(NAME, "message", number) for number in range(turns // 2))


def _trim(data: bytes, begins: Ints, ends: Ints, is_user: Bools) -> None:
    """Moves the edges of the user's texts to where white space ends."""
    octets = np.frombuffer(data, dtype=np.uint8)
    edges = octets[np.stack((begins[is_user], ends[is_user] - 1))]
    # Beyond ASCII there is white space, too, of two or three bytes.
    doubtful = (is_ascii_space(edges) | (edges >= _NOT_ASCII)).any(axis=0)
    for number in np.flatnonzero(is_user)[doubtful].tolist():
        text = data[begins[number] : ends[number]].decode()
        begins[number] += len(text[: len(text) - len(text.lstrip())].encode())
        ends[number] = begins[number] + len(text.strip().encode())


def _defused(data: bytes, begins: Ints, ends: Ints, markers: Sequence[str]) -> dict[int, bytes]:
    """Of the texts that hold markers their numbers, and what they are once these are defused."""
    at = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("<"))
    changed = {}
    for number in np.unique(np.searchsorted(ends, at, side="right")).tolist():
        text = data[begins[number] : ends[number]].decode()
        defused = defuse(text, markers)
        if defused != text:
            changed[number] = defused.encode()
    return changed


def _replaced(
    data: bytes, begins: Ints, ends: Ints, changed: Mapping[int, bytes]
) -> tuple[bytes, Ints, Ints]:
    """The texts with some in the place of others, and where each begins and ends."""
    spans = enumerate(zip(begins.tolist(), ends.tolist(), strict=True))
    texts = [changed.get(number) or data[begin:end] for number, (begin, end) in spans]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    after = np.cumsum(lengths)
    return b"".join(texts), after - lengths, after
