"""Which keys came before, of millions of rows: 20 bytes each, where a dict takes 150."""

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

KEY_BYTES = 10
"""Of a key: 64 bits that are sorted by, and 16 that tell apart what agrees in these."""

_FEWEST = 16_384
_SHARE = 32
_ROW_BITS = 48

_Words = npt.NDArray[np.uint64]


@dataclass(slots=True)
class Seen:
    """Where each key was first seen.

    The latest are in a dict. Once they are a share of all, they join the rest: two sorted
    arrays, in which a key is looked for only if the bit is set that it would have set.

    Attributes:
        fewest: keys that the dict holds at least before they join the rest.
    """

    fewest: int = _FEWEST
    _latest: dict[bytes, int] = field(default_factory=dict)
    _most: int = 0
    _rest: "_Rest | None" = None

    def __post_init__(self) -> None:
        """Nothing was seen yet."""
        self._most = self.fewest

    def first(self, key: bytes, row: int) -> int:
        """The row at which a key was first seen: this one, if never before.

        Args:
            key: of `KEY_BYTES`, as likely as any other.
            row: below 2**48.
        """
        latest, rest = self._latest, self._rest
        found = latest.get(key)
        if found is None and rest is not None:
            found = rest.row_of(int.from_bytes(key))
        if found is not None:
            return found
        latest[key] = row
        if len(latest) > self._most:
            before, self._rest = self._rest, None
            self._rest = _joined(before, self._latest)
            self._latest = {}
            self._most = max(self.fewest, len(self._rest.heads) // _SHARE)
        return row

    def row_of(self, key: bytes) -> int | None:
        """The row at which a key was first seen, if it was."""
        found = self._latest.get(key)
        if found is None and self._rest is not None:
            found = self._rest.row_of(int.from_bytes(key))
        return found


class _Rest:
    """Keys in order: `heads` are their first 64 bits, `tails` their last 16 and then the row."""

    __slots__ = ("_bits", "_heads", "_mask", "_tails", "heads", "tails")

    def __init__(self, heads: _Words, tails: _Words) -> None:
        self.heads, self.tails = heads, tails
        self._heads, self._tails = heads.data, tails.data  # they give Python's numbers
        size = 1 << len(heads).bit_length()
        flags = np.zeros(8 * size, np.bool_)
        flags[heads & np.uint64(8 * size - 1)] = True
        self._bits = np.packbits(flags, bitorder="little").tobytes()
        self._mask = size - 1

    def row_of(self, key: int) -> int | None:
        head = key >> 16
        if not self._bits[head >> 3 & self._mask] >> (head & 7) & 1:
            return None
        at = bisect_left(self._heads, head)
        while at < len(self._heads) and self._heads[at] == head:
            held: int = self._tails[at]
            if held >> _ROW_BITS == key & 0xFFFF:
                return held & ((1 << _ROW_BITS) - 1)
            at += 1
        return None


def _joined(rest: _Rest | None, latest: dict[bytes, int]) -> _Rest:
    """The rest with the latest in their places."""
    parts = np.frombuffer(b"".join(latest), np.dtype([("head", ">u8"), ("tail", ">u2")]))
    heads = parts["head"].astype(np.uint64)
    tails = parts["tail"].astype(np.uint64) << np.uint64(_ROW_BITS)
    tails |= np.fromiter(latest.values(), np.uint64, len(latest))
    order = np.argsort(heads)
    heads, tails = heads[order], tails[order]
    if rest is None:
        return _Rest(heads, tails)
    places = np.searchsorted(rest.heads, heads)
    return _Rest(np.insert(rest.heads, places, heads), np.insert(rest.tails, places, tails))
