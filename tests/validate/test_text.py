"""Markers, slices and words as the validator reads them."""

import pytest

from duplexdata.pipeline.slice.tokenizers import Tokenizer
from duplexdata.pipeline.validate.settings import DEFAULT_MARKERS
from duplexdata.pipeline.validate.text import (
    Cutter,
    compile_markers,
    counts_fault,
    ends_in,
    slices_fault,
)

JOINER = "\u2060"


def test_defusing_adds_one_joiner_to_each_marker() -> None:
    """A marker, defused or not, gets one U+2060 more; other text none."""
    markers = compile_markers(DEFAULT_MARKERS)
    text = f"<idle> <{JOINER}1> <s9> a<b <{JOINER}{JOINER}/s> < idle>"
    assert markers.defused(text) == (
        f"<{JOINER}idle> <{JOINER}{JOINER}1> <s9> a<b <{JOINER}{JOINER}{JOINER}/s> < idle>"
    )
    assert markers.first_in(text) == "<idle>"
    assert markers.first_in(markers.defused(text)) is None


def test_no_marker_is_known_where_the_list_is_empty() -> None:
    """A recipe without markers defuses nothing."""
    markers = compile_markers([])
    assert markers.defused("<idle>") == "<idle>"
    assert markers.first_in("<idle>") is None


@pytest.mark.parametrize("text", ["", "a", "word " * 57, "汉字🙂é" * 40, "\u200d🏳️‍🌈" * 30, "\n\n"])
@pytest.mark.parametrize("length", [1, 3, 10])
def test_slices_join_to_their_text(tokenizer: Tokenizer, text: str, length: int) -> None:
    """Slices are whole code points, none is empty but that of an empty text."""
    slices = Cutter(tokenizer, length).slices(text)
    assert "".join(slices) == text
    assert all(slices) or slices == [""]


def test_a_slice_ends_at_its_last_token(tokenizer: Tokenizer) -> None:
    """Each slice of plain words holds `slice_tokens` tokens."""
    slices = Cutter(tokenizer, 10).slices(" word" * 25)
    assert slices == [" word" * 10, " word" * 10, " word" * 5]


@pytest.mark.parametrize(
    ("counts", "broken"),
    [([4, 5, 6, 1], False), ([6], False), ([3, 4], True), ([7, 4], True), ([4, 7], True)],
)
def test_user_slices_have_four_to_six_words(counts: list[int], broken: bool) -> None:
    """The last slice has one to six."""
    assert (counts_fault(counts) is not None) is broken


@pytest.mark.parametrize(
    ("slices", "check"),
    [
        (["a b  c d", "e"], None),
        (["a b c d", "e"], "source"),
        (["a b  c d"], "source"),
        (["a b  c d", "e", "f"], "source"),
        (["a b  c", "d\n\te"], None),
        (["a b  c d", "E"], "source"),
    ],
)
def test_user_slices_are_the_message(slices: list[str], check: str | None) -> None:
    """White space stands inside a slice as in the message, and not between slices."""
    fault = slices_fault(slices, "a b  c d\n\te", None)
    assert (fault[0] if fault else None) == check


def test_a_slice_inside_a_word_is_told() -> None:
    """A slice ends where a word does."""
    assert slices_fault(["one tw", "o"], "one two", None) is not None
    spans = [(0, 2), (2, 4), (4, 5)]
    assert slices_fault(["今天天", "气好"], "今天天气好", spans) is not None
    assert slices_fault(["今天天气好"], "今天天气好", spans) is None


@pytest.mark.parametrize(
    ("slices", "ended"),
    [
        (["Well, one two", "three"], True),
        (["Well,", "one two", "three"], True),
        (["Well, one", "three"], False),
        (["three"], False),
    ],
)
def test_joined_text_ends_in_its_message(slices: list[str], ended: bool) -> None:
    """An interjection that was joined offline ends in the source's message."""
    assert ends_in(slices, "one two\nthree") is ended


def test_texts_are_let_go_once_they_are_many(tokenizer: Tokenizer) -> None:
    """Between batches, so that memory stays flat; what is cut again is cut alike."""
    cutter = Cutter(tokenizer, 3, most=1_000)
    texts = [f"Answer {number}, which comes once and says so." for number in range(200)]
    whole = [list(cutter.slices(text)) for text in texts]
    cutter.forget()
    held = []
    for text, slices in zip(texts, whole, strict=True):
        assert cutter.slices(text) == slices
        cutter.forget()
        held.append(len(cutter._slices))  # what is bounded
    assert 10 < max(held) < 30
