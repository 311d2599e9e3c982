"""The embedded sample."""

from collections import Counter
from collections.abc import Callable

import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.load.reading import Reading

Read = Callable[..., tuple[list[Dialogue], Reading]]


@pytest.fixture(scope="module")
def sample(read_sources: Read) -> tuple[list[Dialogue], Reading]:
    """The sample as a build reads it."""
    return read_sources("sample")


def test_every_row_of_the_sample_is_kept(sample: tuple[list[Dialogue], Reading]) -> None:
    """No row is rejected, none is a duplicate, and nothing is dropped of any."""
    dialogues, reading = sample
    assert reading.rejected == []
    assert reading.rows == reading.kept == len(dialogues)
    assert (reading.system_messages, reading.trailing_user_turns) == (0, 0)
    assert [one.file for one in reading.files] == ["sample"]


def test_the_sample_has_enough_of_both_languages(sample: tuple[list[Dialogue], Reading]) -> None:
    """At least 60 English and 20 Chinese dialogues."""
    counted = Counter(one.language for one in sample[0])
    assert counted["en"] >= 60
    assert counted["zh"] >= 20


def test_the_languages_of_the_sample_are_guessed_right(
    sample: tuple[list[Dialogue], Reading],
) -> None:
    """Each id tells the language that its author wrote in; every guess agrees."""
    assert [
        one.source_id
        for one in sample[0]
        if not one.source_id.startswith(f"sample:{one.language}-")
    ] == []


def test_every_dialogue_of_the_sample_has_several_rounds(
    sample: tuple[list[Dialogue], Reading],
) -> None:
    """Two rounds at the least, so that every answer but the last can be followed up."""
    assert [one.source_id for one in sample[0] if len(one.turns) < 4] == []


def test_no_text_of_the_sample_stands_twice(sample: tuple[list[Dialogue], Reading]) -> None:
    """Not only dialogues but questions and answers are all different, as are the ids."""
    dialogues, _ = sample
    for role in ("user", "assistant"):
        texts = Counter(turn.text for one in dialogues for turn in one.turns if turn.role == role)
        assert [text for text, count in texts.items() if count > 1 and len(text) > 40] == []
    assert len({one.source_id for one in dialogues}) == len(dialogues)


def test_the_sample_has_the_variety_of_real_dialogues(
    sample: tuple[list[Dialogue], Reading],
) -> None:
    """Code, lists, emoji, paragraphs, pasted material, and answers from a word to a page."""
    answers = [turn.text for one in sample[0] for turn in one.turns if turn.role == "assistant"]
    messages = [turn.text for one in sample[0] for turn in one.turns if turn.role == "user"]
    assert any("```" in text for text in answers)
    assert any("\n- " in text or "\n1. " in text for text in answers)
    assert any("\n\n" in text for text in answers)
    assert any(ord(character) >= 0x1F300 for text in answers + messages for character in text)
    assert any("\n" in text and len(text) > 200 for text in messages)
    assert min(map(len, answers)) < 60
    assert max(map(len, answers)) > 1000
