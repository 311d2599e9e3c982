"""Texts into slices (rule 2)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.chance import Chance
from duplexdata.pipeline.slice.slicer import Slicer, Slices
from duplexdata.pipeline.slice.tokenizers import Tokenizer, load_tokenizer

from ..conftest import cl100k

CL100K = load_tokenizer("cl100k_base")
answers = st.text(min_size=1, max_size=300) | st.lists(
    st.sampled_from(
        ["word ", "👨‍👩‍👧", "你好，", "\n\n", "  ", "e\u0301", "<|endoftext|>", "\u2028", "𝒳"]
    ),
    min_size=1,
    max_size=60,
).map("".join)
messages = answers.map(str.strip).filter(bool)


def pieces(slices: Slices) -> list[str]:
    """The slices as text; fails if one is not valid UTF-8."""
    return [
        slices.data[begin:end].decode()
        for begin, end in zip(slices.begins.tolist(), slices.ends.tolist(), strict=True)
    ]


def token_lengths(text: str) -> list[int]:
    """The bytes of each token, by decoding one at a time."""
    encoding = cl100k()
    return [
        len(encoding.decode_single_token_bytes(token)) for token in encoding.encode_ordinary(text)
    ]


@settings(deadline=None)
@given(answers, st.integers(1, 12))
def test_answer_slices_join_to_the_answer(text: str, slice_tokens: int) -> None:
    """Nothing is lost, nothing is added, no slice is empty, each is valid UTF-8 (rule 1)."""
    found = pieces(Slicer(CL100K, slice_tokens).answer(text))
    assert "".join(found) == text
    assert all(found)


@settings(deadline=None)
@given(answers, st.integers(1, 12))
def test_answer_boundaries_stand_at_every_kth_token(text: str, slice_tokens: int) -> None:
    """Boundary i is the end of token i*k, moved forward to a code point; none moves a later one."""
    data = text.encode()
    expected = []
    position = 0
    for number, length in enumerate(token_lengths(text), start=1):
        position += length
        if number % slice_tokens == 0:
            boundary = position
            while boundary < len(data) and data[boundary] & 0xC0 == 0x80:
                boundary += 1
            if boundary < len(data) and boundary not in expected:
                expected.append(boundary)
    slices = Slicer(CL100K, slice_tokens).answer(text)
    assert slices.ends.tolist() == [*expected, len(data)]
    assert slices.begins.tolist() == [0, *expected]


@settings(deadline=None)
@given(messages, st.integers(0, 5))
def test_message_slices_have_4_to_6_words(text: str, seed: int) -> None:
    """Each slice holds 4-6 words, the last 1-6; joined they are the message's words."""
    found = pieces(Slicer(CL100K, 10).message(text, "en", Chance(seed).of("words")))
    counts = [len(piece.split()) for piece in found]
    assert all(4 <= count <= 6 for count in counts[:-1])
    assert 1 <= counts[-1] <= 6
    assert [word for piece in found for word in piece.split()] == text.split()


@settings(deadline=None)
@given(messages, st.integers(0, 5))
def test_message_slices_are_the_source_but_for_white_space_between(text: str, seed: int) -> None:
    """No slice has white space at its edges; inside it stands what the source has there."""
    rest = text
    for piece in pieces(Slicer(CL100K, 10).message(text, "en", Chance(seed).of("words"))):
        assert piece == piece.strip()
        before, rest = rest[: rest.index(piece)], rest[rest.index(piece) + len(piece) :]
        assert not before.strip()
    assert not rest.strip()


def test_words_a_slice_are_drawn_evenly(tokenizer: Tokenizer) -> None:
    """Over many slices 4, 5 and 6 words come equally often."""
    text = "w " * 29_999 + "w"
    slices = Slicer(tokenizer, 10).message(text, "en", Chance(1).of("words"))
    counts = [piece.count("w") for piece in pieces(slices)][:-1]
    for count in (4, 5, 6):
        assert abs(counts.count(count) / len(counts) - 1 / 3) < 0.03


def test_chinese_slices_count_words_not_runs(tokenizer: Tokenizer) -> None:
    """A Chinese message without a space is cut into slices of several words."""
    text = "请你给我讲一讲北京的历史和文化，还有那里有什么好吃的东西可以推荐？"
    slices = pieces(Slicer(tokenizer, 10).message(text, "zh", Chance(0).of("words")))
    assert len(slices) > 2
    assert "".join(slices) == text
    assert not [piece for piece in slices if piece[0] in "，？"]


@pytest.mark.parametrize("text", ["naïve 👍🏽 café " * 20, "plain text " * 20])
def test_heard_code_points_are_whole_slices(text: str, tokenizer: Tokenizer) -> None:
    """The code point ends of slices and the slices heard by then are each other's inverse."""
    slices = Slicer(tokenizer, 3).answer(text)
    ends = slices.code_point_ends().tolist()
    assert [slices.heard(end) for end in ends] == list(range(1, len(slices) + 1))
    assert text[: ends[0]] == pieces(slices)[0]


def test_what_is_kept_stays_little_and_changes_nothing() -> None:
    """Answers that come again are not encoded again; those that do not are let go."""

    class Counting:
        name = fingerprint = origin = "counting"
        encoded = 0

        def token_ends(self, text: str) -> npt.NDArray[np.int64]:
            return CL100K.token_ends(text)

        def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
            self.encoded += len(texts)
            return CL100K.token_ends_of(texts)

    counting = Counting()
    slicer = Slicer(counting, 3, kept=5_000)
    often = "An answer that comes again and again, whatever else comes."
    for number in range(400):
        alone = f"Answer {number}, which comes once, and says so at some length."
        slicer.cut_answers([alone, often])
        assert pieces(slicer.answer(alone)) == pieces(Slicer(CL100K, 3).answer(alone))
        assert pieces(slicer.answer(often)) == pieces(Slicer(CL100K, 3).answer(often))
        assert slicer.tokens(alone) == len(CL100K.token_ends(alone))
    assert counting.encoded == 401
    held = {**slicer._answers, **slicer._before}  # what is bounded
    assert sum(map(len, held)) < 11_000
    assert sum(map(len, slicer._tokens)) < 11_000
