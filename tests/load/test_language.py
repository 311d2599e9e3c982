"""Which language a dialogue is in."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.load.language import guess_language, tell_languages


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["How are you?", "Fine."], "en"),
        (["你好吗？", "很好。"], "zh"),
        (["Comment ça va ?", "Très bien."], "en"),
        (["Как дела?", "Хорошо."], "en"),
        (["What does 你好 mean?", "It is a greeting, like hello."], "en"),
        (["Python 的 list 怎么用？", "用方括号创建列表。"], "zh"),
        (["print('hello world') 是什么意思", "打印一行文字"], "zh"),
        (["𠀀𠀁𠀂", "㐀㐁"], "zh"),
        (["👋🎉", "🙂"], "en"),
        (["👋 你好", "🙂"], "zh"),
        (["1 + 1 = ?", "2"], "en"),
        (["？！。", "……"], "en"),
        ([""], "en"),
        ([], "en"),
    ],
)
def test_languages(texts: list[str], language: str) -> None:
    """Chinese where Han characters are at least as many as other words, else words by spaces."""
    assert guess_language(texts) == language


def test_order_does_not_matter() -> None:
    """The guess is a count over all texts."""
    texts = ["你好世界 one", "two three", "four five"]
    assert guess_language(texts) == guess_language(texts[::-1]) == "en"
    assert guess_language([*texts, "六"]) == guess_language(["六", *texts]) == "zh"


HAN = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)]


def is_han(character: str) -> bool:
    """Whether it stands in one of the ranges."""
    return any(first <= ord(character) <= last for first, last in HAN)


def is_other(character: str) -> bool:
    """Whether it is part of a word of another script: no digit, no Han character."""
    return character.isalnum() and not character.isdecimal() and not is_han(character)


MIXED = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("六六 aé²1")))


@given(st.lists(MIXED))
def test_han_characters_are_counted_against_other_words(texts: list[str]) -> None:
    """Each counts, whatever stands beside it; a word is as long as its letters go on."""
    han = sum(map(is_han, "".join(texts)))
    words = sum(other for text in texts for other, _ in groupby(text, key=is_other))
    assert guess_language(texts) == ("zh" if han and han >= words else "en")


@pytest.mark.parametrize("code", [place for bounds in HAN for place in bounds])
def test_the_first_and_the_last_han_character_of_each_range(code: int) -> None:
    """They are told by the bytes that they begin with."""
    assert guess_language([chr(code)]) == "zh"


@given(st.lists(st.lists(MIXED, min_size=1), min_size=1))
def test_many_dialogues_are_told_as_each_by_itself(dialogues: list[list[str]]) -> None:
    """The texts of all lie end to end, and none is taken for its neighbour's."""
    data = [[text.encode() for text in texts] for texts in dialogues]
    ends = np.cumsum([len(one) for texts in data for one in texts])
    whole = b"".join(one for texts in data for one in texts)
    turns = np.array([len(texts) for texts in dialogues])
    assert tell_languages(whole, ends, turns) == list(map(guess_language, dialogues))
