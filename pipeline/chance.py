"""Seeded chance: a counter hash, so that no draw depends on another.

A draw is a function of (seed, keys, purpose, index) alone. Adding a draw, or
asking for them in another order or process, moves no other draw (rule 8 of
docs/rules.md).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


@lru_cache(maxsize=1024)
def _begin(seed: int, purpose: str) -> bytes:
    return _framed(str(seed)) + _framed(purpose)


@lru_cache(maxsize=64)  # keys come once for each of their purposes
def _framed_keys(keys: tuple[str, ...]) -> bytes:
    return b"".join(map(_framed, keys))


@lru_cache(maxsize=256)
def _begin_all(seed: int, purposes: tuple[str, ...]) -> list[bytes]:
    return [_begin(seed, purpose) for purpose in purposes]


def _framed(part: str) -> bytes:
    """The length before a part keeps ("ab", "c") apart from ("a", "bc")."""
    data = part.encode()
    return len(data).to_bytes(4, "little") + data


def _mix64(counter: int) -> int:
    """The finaliser of splitmix64: 64 well-mixed bits of a counter."""
    x = counter & _MASK
    x = ((x ^ (x >> 30)) * _FIRST) & _MASK
    x = ((x ^ (x >> 27)) * _SECOND) & _MASK
    return x ^ (x >> 31)


def below_all(
    bases: npt.NDArray[np.uint64], n: int, indexes: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """`Draws(base).below(n, index)` of each base and index, all at once."""
    x = bases + (indexes.astype(np.uint64) + np.uint64(1)) * np.uint64(_STEP)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(_SECOND)
    bits = x ^ (x >> np.uint64(31))
    below: npt.NDArray[np.uint64] = (bits >> np.uint64(32)) * np.uint64(n) >> np.uint64(32)
    return below.astype(np.int64)


def draw_bases(seed: int, wanted: Iterable[tuple[str, tuple[str, ...]]]) -> npt.NDArray[np.uint64]:
    """The bases of many draws: of each key and its purposes `Chance(seed, (key,)).of(purpose)`."""
    digests: list[bytes] = []
    for key, purposes in wanted:
        framed = _framed(key)
        begins = _begin_all(seed, purposes)
        digests += [blake2b(begin + framed, digest_size=8).digest() for begin in begins]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


class Draws(NamedTuple):
    """The draws of one purpose, numbered from 0."""

    base: int

    def bits(self, index: int = 0) -> int:
        """64 random bits."""
        return _mix64(self.base + (index + 1) * _STEP)

    def below(self, n: int, index: int = 0) -> int:
        """An integer from 0 to n-1, each as likely (to 1 part in 2**32)."""
        return (self.bits(index) >> 32) * n >> 32

    def fraction(self, index: int = 0) -> float:
        """A number in [0, 1), of 53 random bits."""
        return float((self.bits(index) >> 11) * 2.0**-53)

    def pick(self, options: Sequence[T], index: int = 0) -> T:
        """One of the options, each as likely."""
        return options[self.below(len(options), index)]


class Chance(NamedTuple):
    """The chance of one dialogue (or group): all draws keyed by `seed` and `keys`."""

    seed: int
    keys: tuple[str, ...] = ()

    def of(self, purpose: str) -> Draws:
        """The draws of a purpose, for instance `cut` or `words/message/0`."""
        data = _begin(self.seed, purpose) + _framed_keys(self.keys)
        return Draws(int.from_bytes(blake2b(data, digest_size=8).digest(), "little"))
