"""The nouns."""

import pytest

from duplexdata.pipeline.dialogue import (
    Script,
    Turn,
    Utterance,
    copy_key,
    row_id,
    texts_key,
    turns_key,
    turns_of,
)


@pytest.mark.parametrize(
    "other",
    [
        [Turn("user", "ab"), Turn("assistant", "d")],
        [Turn("user", "a"), Turn("assistant", "bc")],
        [Turn("assistant", "ab"), Turn("user", "c")],
        [Turn("user", "ab"), Turn("assistant", "c"), Turn("user", "x")],
    ],
)
def test_another_dialogue_has_another_key(other: list[Turn]) -> None:
    """Texts, their borders and roles all count."""
    assert turns_key([Turn("user", "ab"), Turn("assistant", "c")]) != turns_key(other)


def test_copies_have_keys_of_their_own() -> None:
    """A kept duplicate's key counts its ordinal, the first's does not."""
    turns = [Turn("user", "a"), Turn("assistant", "b")]
    key = turns_key(turns)
    assert len({key, *(copy_key(key, ordinal) for ordinal in range(1, 4))}) == 4


def test_row_ids_come_from_type_and_keys() -> None:
    """Another type, key, or order of keys is another row."""
    ids = [
        row_id("a", ("k",)),
        row_id("b", ("k",)),
        row_id("a", ("l",)),
        row_id("a", ("k", "l")),
        row_id("a", ("l", "k")),
    ]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith(("a-", "b-")) for one in ids)


def test_generator_names_who_wrote() -> None:
    """`source` where all is the source's, else the other origins, sorted."""
    own = Utterance("user", "x", 1, -1, "query", "message", "source")
    script = Script("i", "t", "en", ("s",), ("k",), (own,))
    assert script.generator == "source"
    written = [own._replace(origin=origin) for origin in ("z-model", "source", "offline")]
    assert script._replace(utterances=tuple(written)).generator == "offline+z-model"


def test_a_key_is_pinned_and_the_same_of_turns_and_texts() -> None:
    """It never changes: ids, and all chance, hang on it."""
    texts = ["How é?", "", "Ö", "x" * 3000]
    assert turns_key(turns_of(texts)) == texts_key([one.encode() for one in texts])
    assert texts_key([b"q", b"a"]) == "4a0b0f04058f3030f53a"
