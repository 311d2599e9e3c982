"""Seeded chance."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.chance import Chance, draw_bases


def test_draws_are_pinned() -> None:
    """A draw never changes: datasets of earlier versions can be built again."""
    draws = Chance(0, ("key",)).of("purpose")
    assert [draws.bits(index) for index in range(2)] == [
        4_513_939_078_095_631_051,
        774_238_656_092_621_829,
    ]


@given(st.integers(), st.lists(st.text(max_size=5), max_size=3), st.text(max_size=5))
def test_same_keys_same_draws(seed: int, keys: list[str], purpose: str) -> None:
    """A draw depends on seed, keys, purpose and index alone."""
    first, second = (Chance(seed, tuple(keys)).of(purpose) for _ in range(2))
    assert [first.bits(index) for index in range(5)] == [second.bits(index) for index in range(5)]


@pytest.mark.parametrize(
    "other",
    [
        Chance(1, ("ab", "c")).of("p"),
        Chance(0, ("a", "bc")).of("p"),
        Chance(0, ("abc",)).of("p"),
        Chance(0, ("c", "ab")).of("p"),
        Chance(0, ("ab", "c")).of("q"),
        Chance(0, ("ab", "c", "")).of("p"),
    ],
)
def test_another_key_draws_anew(other: object) -> None:
    """Seed, purpose, and the borders between keys all count."""
    assert Chance(0, ("ab", "c")).of("p") != other


def test_below_is_even() -> None:
    """Each of n values is as likely: 30,000 draws stay within 5 standard deviations."""
    draws = Chance(7, ("even",)).of("words")
    counts = Counter(draws.below(3, index) for index in range(30_000))
    assert set(counts) == {0, 1, 2}
    assert all(abs(count - 10_000) < 5 * (30_000 * 2 / 9) ** 0.5 for count in counts.values())


def test_fraction_is_in_its_range_and_even() -> None:
    """Fractions lie in [0, 1) and their mean is a half."""
    draws = Chance(7, ("even",)).of("share")
    found = [draws.fraction(index) for index in range(30_000)]
    assert min(found) >= 0
    assert max(found) < 1
    assert abs(sum(found) / len(found) - 0.5) < 0.01


def test_pick_is_one_of_the_options() -> None:
    """Every option is picked at some index, and nothing else."""
    draws = Chance(0).of("pick")
    assert {draws.pick("abc", index) for index in range(100)} == set("abc")


@given(st.integers(), st.dictionaries(st.text(), st.lists(st.text()).map(tuple)))
def test_many_draws_are_those_of_each_by_itself(
    seed: int, wanted: dict[str, tuple[str, ...]]
) -> None:
    """Of each key and purpose, in order."""
    expected = [
        Chance(seed, (key,)).of(purpose).base
        for key, purposes in wanted.items()
        for purpose in purposes
    ]
    assert draw_bases(seed, wanted.items()).tolist() == expected
