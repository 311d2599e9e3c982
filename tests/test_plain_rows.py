"""Rows of whole dialogues, made of a block's columns: what their scripts say, to the byte."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.dialogue import Dialogue, Split, turns_key, turns_of
from duplexdata.pipeline.load.block import Place, block_of
from duplexdata.pipeline.plain_rows import are_plain, plain_spoken
from duplexdata.pipeline.plan import PlannedRow, plan_block
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.scriptwriter import Scriptwriter
from duplexdata.pipeline.slice.columns import SlicedRows, Spoken, spoken_of
from duplexdata.pipeline.slice.schedule import (
    joined_rows,
    slice_scripts,
    slice_spoken,
)
from duplexdata.pipeline.slice.slicer import Slicer
from duplexdata.pipeline.slice.tokenizers import load_tokenizer

from .interrupt.scripting import writer

TOKENIZER = load_tokenizer("cl100k_base")
PIECES = (
    *("word ", "Is it? ", " ", "\n\n", "\t", "\x1c", "\x85", "\u00a0", "\u2003", "\u3000"),
    *("<", "<idle>", "<1>", "<\u2060idle>", "a\u2060b", "</s>", "<用户>", "é", "👨‍👩‍👧 ", "你好，"),
)
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join).filter(str.strip)
rounds = st.lists(st.tuples(texts, texts), min_size=1, max_size=3)
many = st.lists(
    st.tuples(rounds, st.sampled_from(["en", "zh"]), st.sampled_from(["train", "validation"])),
    min_size=1,
    max_size=6,
)
Many = list[tuple[list[tuple[str, str]], str, Split]]


def dialogues_of(found: Many) -> list[Dialogue]:
    """Dialogues of these rounds, languages and splits."""
    made = []
    for number, (pairs, language, split) in enumerate(found):
        turns = turns_of(text for pair in pairs for text in pair)
        made.append(Dialogue(f"s:{number}", turns_key(turns), language, turns, split))
    return made


def both(found: Many, split: Split | None = None) -> tuple[Spoken, Spoken, Scriptwriter]:
    """What is said in rows of whole dialogues: made of columns, and of their scripts."""
    dialogues = dialogues_of(found)
    block = block_of(0, dialogues, [Place("s", n, None) for n in range(len(dialogues))])
    one = writer(rates={"uninterrupted": 1.0})
    rows = [
        row for row in plan_block(block, one).rows if split in (None, block.split(row.members[0]))
    ]
    scripts = [one.script(row.type, [dialogues[row.members[0]]]) for row in rows]
    return plain_spoken(rows, block, one.recipe), spoken_of(scripts, one.recipe.seed), one


def texts_of(spoken: Spoken) -> list[bytes]:
    """The texts of all utterances."""
    return spoken.texts(np.ones(len(spoken.begins), dtype=np.bool_))


@settings(deadline=None)
@given(many)
def test_what_is_said_is_what_the_scripts_say(found: Many) -> None:
    """Ids, texts, trimmed and defused, states, kinds, origins, draws: as the scripts have them."""
    plain, spoken, _ = both(found)
    assert texts_of(plain) == texts_of(spoken)
    for one in fields(Spoken):
        if one.name not in {"data", "begins", "ends", "joined", "answers"}:
            mine, theirs = getattr(plain, one.name), getattr(spoken, one.name)
            assert list(mine) == list(theirs), one.name
    assert plain.answers == [text.encode() for text in spoken.answers if isinstance(text, str)]
    marked = [number for number, text in enumerate(texts_of(plain)) if b"<\xe2\x81\xa0" in text]
    assert set(marked) <= set(plain.joined)


@settings(deadline=None)
@given(many)
def test_a_part_of_a_block_is_said_as_if_it_were_all(found: Many) -> None:
    """The dialogues of one split, between which others lie, give what their scripts say."""
    if not any(split == "validation" for *_, split in found):
        return
    plain, spoken, _ = both(found, "validation")
    assert texts_of(plain) == texts_of(spoken)
    assert list(plain.ids) == list(spoken.ids)


@settings(deadline=None)
@given(many, st.integers(1, 11), st.integers(0, 2))
def test_slices_and_places_are_those_of_each_script_alone(
    found: Many, slice_tokens: int, tail: int
) -> None:
    """Many at once, or one by one and then joined: the same slices in the same pairs."""
    plain, spoken, one = both(found)
    slicer = Slicer(TOKENIZER, slice_tokens)
    dialogues = dialogues_of(found)
    scripts = [one.script("uninterrupted", [dialogue]) for dialogue in dialogues]
    alone = [
        sliced
        for script in scripts
        for sliced in slice_scripts([script], slicer, one.recipe.seed, tail)
    ]
    expected = joined_rows(alone, one.recipe.seed)
    for rows in (slice_spoken(plain, slicer, tail), slice_spoken(spoken, slicer, tail)):
        assert pieces(rows) == pieces(expected)
        for name in ("counts", "heard", "starts", "pairs"):
            assert getattr(rows, name).tolist() == getattr(expected, name).tolist()


def pieces(rows: SlicedRows) -> list[str]:
    """All slices as text; fails where one is no UTF-8."""
    data, spans = rows.spoken.data, zip(rows.begins.tolist(), rows.ends.tolist(), strict=True)
    return [data[begin:end].decode() for begin, end in spans]


@pytest.mark.parametrize(
    ("row", "knobs"),
    [
        (PlannedRow("r", "regeneration", (0,)), {}),
        (PlannedRow("u", "uninterrupted", (0,), (0, 1)), {}),
        (PlannedRow("u", "uninterrupted", (0,)), {"statements": 0.5}),
    ],
    ids=["another type", "shortened", "statements"],
)
def test_other_rows_are_not_plain(row: PlannedRow, knobs: dict[str, float]) -> None:
    """What is cut, shortened or gets statements is made of its script."""
    plain = PlannedRow("u", "uninterrupted", (1,))
    assert are_plain([plain, plain], Recipe("tdm"))
    assert not are_plain([plain, row], Recipe("tdm", **knobs))  # type: ignore[arg-type]
