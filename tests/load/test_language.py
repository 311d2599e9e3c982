"""Which language a dialogue is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.load.language import guess_language


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


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_every_han_character_counts(texts: list[str]) -> None:
    """Whatever stands beside it: a text with Han characters and no other word is Chinese."""
    text = "".join(texts)
    han = any(first <= ord(one) <= last for one in text for first, last in HAN)
    others = any(one.isalpha() and not any(a <= ord(one) <= b for a, b in HAN) for one in text)
    if han and not others:
        assert guess_language(texts) == "zh"
    if not han:
        assert guess_language(texts) == "en"


@pytest.mark.parametrize("code", [place for bounds in HAN for place in bounds])
def test_the_first_and_the_last_han_character_of_each_range(code: int) -> None:
    """They are told by the bytes that they begin with."""
    assert guess_language([chr(code)]) == "zh"
