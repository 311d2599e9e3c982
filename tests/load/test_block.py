"""Blocks of dialogues: what a file gives back, and what their digest hangs on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.dialogue import Dialogue, Turn, copy_key, turns_key
from duplexdata.pipeline.load.block import Block, Place, block_of, read_block, write_block


def dialogue(*texts: str, source_id: str = "rows:1") -> Dialogue:
    """A dialogue of these texts, keyed as when it is read."""
    turns = tuple(
        Turn("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)
    )
    return Dialogue(source_id=source_id, key=turns_key(turns), language="en", turns=turns)


def block(*dialogues: Dialogue) -> Block:
    """A block of these dialogues, in a file of lines."""
    places = tuple(Place("rows.jsonl", row, row) for row in range(1, len(dialogues) + 1))
    return block_of(0, dialogues, places)


dialogues = st.builds(
    lambda texts, name, language, split: dialogue(*texts, source_id=name)._replace(
        language=language, split=split
    ),
    st.lists(st.text(), min_size=2, max_size=6),
    st.text(),
    st.sampled_from(["en", "zh"]),
    st.sampled_from(["train", "validation"]),
)
places = st.builds(Place, st.text(), st.integers(1, 2**62), st.none() | st.integers(1, 2**62))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.lists(st.tuples(dialogues, places), min_size=1, max_size=5))
def test_a_file_gives_the_block_back(
    tmp_path_factory: pytest.TempPathFactory, number: int, rows: list[tuple[Dialogue, Place]]
) -> None:
    """Every text, id, place, language and split is what it was, to the code point."""
    file = tmp_path_factory.getbasetemp() / "block.json"
    written = block_of(number, tuple(one for one, _ in rows), tuple(place for _, place in rows))
    write_block(written, file)
    assert read_block(number, file) == written
    assert read_block(number, file).digest() == written.digest()


def test_a_block_written_over_a_longer_one_is_itself(tmp_path: Path) -> None:
    """A build writes blocks over each other's files: nothing of the one before is left."""
    file = tmp_path / "block"
    write_block(block(*[dialogue("a long question", "a long answer")] * 9), file)
    short = block(dialogue("q", "a"))
    write_block(short, file)
    assert read_block(0, file) == short


Change = Callable[[Dialogue], Dialogue]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: dialogue("q", "A"),
        lambda _: dialogue("q", "a", "r", "b"),
        lambda one: one._replace(source_id="rows:2"),
        lambda one: one._replace(split="validation"),
        lambda one: one._replace(language="zh"),
        lambda one: one._replace(key=copy_key(one.key, 1)),
    ],
    ids=["text", "turns", "id", "split", "language", "copy"],
)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_digest_changes_with_all_that_rows_depend_on(change: Change, position: int) -> None:
    """Another text, id, split, language or copy anywhere is another block."""
    one = dialogue("q", "a")
    changed = [change(one) if number == position else one for number in range(3)]
    assert block(*changed).digest() != block(one, one, one).digest()


def test_the_digest_changes_with_order_and_number_of_dialogues() -> None:
    """Dialogues that swap, come or go make another block."""
    one, two = dialogue("q", "a"), dialogue("r", "b", source_id="rows:2")
    digests = [
        block(*found).digest() for found in ((one, two), (two, one), (one,), (one, two, two))
    ]
    assert len(set(digests)) == len(digests)


def test_the_digest_changes_with_where_rows_stand() -> None:
    """A report names the places of what it left out: rows that moved are other work."""
    one = dialogue("q", "a")
    digests = {
        block_of(0, (one,), (Place(file, row, line),)).digest()
        for file, row, line in [("a", 1, 1), ("b", 1, 1), ("a", 2, 1), ("a", 1, 2), ("a", 1, None)]
    }
    assert len(digests) == 5


def test_the_digest_does_not_change_with_the_number() -> None:
    """The number says where a block stands in the run, not what it holds."""
    one, place = dialogue("q", "a"), Place("a", 1, 1)
    assert block_of(7, (one,), (place,)).digest() == block_of(0, (one,), (place,)).digest()
