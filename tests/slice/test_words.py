"""The words that a user slice is counted in (rule 2)."""

import re
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.slice.words import (
    is_ascii_space,
    segmenter_name,
    spaces_beyond_ascii,
    word_edges,
    word_spans,
)

chinese = st.lists(
    st.sampled_from(
        [*"你好我们今天北京去吃饭了吗的一二三", *"，。？！、；：…—～·", *"“”‘’（）《》「」【】"]
    )
    | st.sampled_from([*"abcXYZ0123 \n\t", *".,?!'\"()-%/:&=@#$", " ", "\u3000", "，"])
    | st.sampled_from(
        ["don't", "3.14", "https://x.cn/a?b=1", "中华人民共和国", "NASA", "ｈｉ", "１"]
    ),
    max_size=40,
).map("".join)
anything = st.text(max_size=200) | chinese


def words(text: str, language: str) -> list[str]:
    """The words as text."""
    return [text[begin:end] for begin, end in word_spans(text, language)]


def runs_and_words(text: str) -> list[tuple[str, list[str]]]:
    """Each run without white space, and the Chinese words that it is cut into."""
    spans = word_spans(text, "zh")
    return [
        (run[0], [text[a:b] for a, b in spans if run.start() <= a and b <= run.end()])
        for run in re.finditer(r"\S+", text)
    ]


def is_mark(character: str, *kinds: str) -> bool:
    """Whether a character is punctuation of one of these kinds."""
    return unicodedata.category(character) in kinds


@settings(deadline=None)
@given(anything)
def test_english_words_are_those_of_split(text: str) -> None:
    """What `str.split()` yields, for any Unicode text, and whatever the language is called."""
    assert words(text, "en") == text.split()
    assert word_spans(text, "fr") == word_spans(text, "en")


@settings(deadline=None)
@given(anything, st.sampled_from(["en", "zh"]))
def test_words_stand_in_order_and_miss_nothing(text: str, language: str) -> None:
    """Spans follow each other without overlap; joined they are the text without white space."""
    spans = word_spans(text, language)
    assert all(begin < end for begin, end in spans)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert "".join(words(text, language)) == "".join(text.split())


@settings(deadline=None)
@given(anything)
def test_chinese_words_cut_those_of_split_further(text: str) -> None:
    """White space always parts words; each run is its words, joined."""
    assert [run for run, _ in runs_and_words(text)] == text.split()
    assert all("".join(found) == run for run, found in runs_and_words(text))


@settings(deadline=None)
@given(chinese)
def test_closing_marks_stay_at_the_word_before(text: str) -> None:
    """Inside a run no word begins with a closing mark, so none is one alone."""
    for _, found in runs_and_words(text):
        assert not [word for word in found[1:] if is_mark(word[0], "Po", "Pe", "Pf", "Pd", "Pc")]


@settings(deadline=None)
@given(chinese)
def test_opening_marks_go_with_what_follows(text: str) -> None:
    """Inside a run no word ends in an opening mark."""
    for _, found in runs_and_words(text):
        assert not [word for word in found[:-1] if is_mark(word[-1], "Ps", "Pi")]


joined = st.lists(
    st.sampled_from(
        [*"你好a,👍🏽👩", "\u200d", "\ufe0f", "\u0301", "\u3099", "\u093f", "\u20e3", " "]
    )
).map("".join)


@settings(deadline=None)
@given(joined)
def test_what_changes_a_character_stays_at_it(text: str) -> None:
    """Inside a run no word begins with an accent, a joiner or a skin tone, or ends in a joiner."""
    for _, found in runs_and_words(text):
        assert not [word for word in found[1:] if is_mark(word[0], "Mn", "Mc", "Me", "Cf", "Sk")]
        assert not [word for word in found[:-1] if word[-1] == "\u200d"]


@settings(deadline=None)
@given(chinese)
def test_half_width_runs_stay_whole(text: str) -> None:
    """Between two half-width characters no word ends: they are cut at white space alone."""
    for _, found in runs_and_words(text):
        for before, after in pairwise(found):
            assert not (before[-1] <= "~" and after[0] <= "~")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我们今天去北京吃饭。", ["我们", "今天", "去", "北京", "吃饭。"]),
        (
            "他说：“你好”，然后读《红楼梦》！！",
            ["他", "说：", "“你好”，", "然后", "读", "《红楼梦》！！"],
        ),
        ("（你好）「世界」", ["（你好）", "「世界」"]),
        ("don't stop", ["don't", "stop"]),
        ("see https://x.cn/a?b=1,2 now", ["see", "https://x.cn/a?b=1,2", "now"]),
        ("打开https://x.cn/a?b=1,2网站", ["打开", "https://x.cn/a?b=1,2", "网站"]),
        ("圆周率是3.14吗？", ["圆周率", "是", "3.14", "吗？"]),
        ("涨了3.5%", ["涨", "了", "3.5%"]),
        ("我 在\n北京\u3000。", ["我", "在", "北京", "。"]),
        (
            "你好👨\u200d👩\u200d👧世界👍🏽好❤️吗",
            ["你好", "👨\u200d👩\u200d👧", "世界", "👍🏽", "好", "❤️", "吗"],
        ),
        ("我在🇨🇳呢", ["我", "在", "🇨🇳", "呢"]),
        ("か\u3099き", ["か\u3099", "き"]),
        ("……", ["……"]),
        ("", []),
        (" \n\u3000", []),
    ],
)
def test_chinese_words(text: str, expected: list[str]) -> None:
    """Words as a reader of Chinese tells them, marks at the words they belong to."""
    assert words(text, "zh") == expected


@pytest.mark.parametrize("text", ["你好世界", "Hello, world!"])
def test_words_do_not_depend_on_what_stands_around(text: str) -> None:
    """White space at the edges moves the words and changes none."""
    for language in ("en", "zh"):
        moved = word_spans(f"\n {text} ", language)
        assert moved == [(begin + 2, end + 2) for begin, end in word_spans(text, language)]


def test_segmenters_are_named() -> None:
    """The manifest can tell which segmenter, of which version, made the words."""
    assert segmenter_name("en") == "str.split"
    assert re.fullmatch(r"rjieba \d+\.\d+.*", segmenter_name("zh"))


def test_white_space_is_found_in_utf8_wherever_there_is_some() -> None:
    """Of all code points exactly those that `str.isspace` names, at the bytes where they begin."""
    text = "".join(chr(one) for one in range(0x110000) if not 0xD800 <= one < 0xE000)
    octets = np.frombuffer(text.encode() + b"\n\n", dtype=np.uint8)
    found = np.concatenate((np.flatnonzero(is_ascii_space(octets)), spaces_beyond_ascii(octets)))
    begins = np.cumsum([0, *(len(one.encode()) for one in text)])
    spaces = [begin for begin, one in zip(begins.tolist(), text, strict=False) if one.isspace()]
    assert sorted(found.tolist()) == [*spaces, len(octets) - 2, len(octets) - 1]


@given(st.text(max_size=60))
def test_words_between_ascii_white_space_are_found_in_bytes(text: str) -> None:
    """As `bytes.split` has them, but that it does not know the separators 28 to 31."""
    data = text.encode()
    firsts, lasts = word_edges(np.frombuffer(b"\n%b\n" % data, dtype=np.uint8))
    found = [data[a - 1 : b - 1] for a, b in zip(firsts.tolist(), lasts.tolist(), strict=True)]
    assert found == re.sub(rb"[\x1c-\x1f]", b" ", data).split()
