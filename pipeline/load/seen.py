"""Which keys came before, of millions of rows: 12 to 18 bytes each, where a dict takes 150."""

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

KEY_BYTES = 10
"""Of a key: 64 bits that are sorted by, and 16 that tell apart what agrees in these."""

_FEWEST = 16_384
_SHARE = 32
_OTHER_BITS = 16
_SMALL = 1 << 32
"""The first row that takes more than four bytes."""

_Words = npt.NDArray[np.uint64]
_Halves = npt.NDArray[np.uint16]
_Rows = npt.NDArray[np.uint32] | npt.NDArray[np.uint64]


@dataclass(slots=True)
class Seen:
    """Where each key was first seen.

    The latest are in a dict. Once they are a share of all, they join the rest: sorted arrays,
    in which a key is looked for only if the bit is set that it would have set.

    Attributes:
        fewest: keys that the dict holds at least before they join the rest.
        keeps_rows: whether it is asked for the row of a key, and not only whether it was seen.
    """

    fewest: int = _FEWEST
    keeps_rows: bool = True
    _latest: dict[bytes, int] = field(default_factory=dict)
    _most: int = 0
    _rest: "_Rest | None" = None

    def __post_init__(self) -> None:
        """Nothing was seen yet."""
        self._most = self.fewest

    def first(self, key: bytes, row: int) -> int:
        """The row at which a key was first seen: this one, if never before.

        Where no rows are kept, it is 0 of every key that was seen before.

        Args:
            key: of `KEY_BYTES`, as likely as any other.
            row: from 1.
        """
        latest, rest = self._latest, self._rest
        found = latest.get(key)
        if found is None and rest is not None:
            found = rest.row_of(int.from_bytes(key))
        if found is not None:
            return found
        latest[key] = row if self.keeps_rows else 0
        if len(latest) > self._most:
            before, self._rest = self._rest, None
            self._rest = _joined(before, self._latest, keeps_rows=self.keeps_rows)
            self._latest = {}
            self._most = max(self.fewest, len(self._rest) // _SHARE)
        return row

    def row_of(self, key: bytes) -> int | None:
        """The row at which a key was first seen, if it was."""
        found = self._latest.get(key)
        if found is None and self._rest is not None:
            found = self._rest.row_of(int.from_bytes(key))
        return found


class _Rest:
    """Keys in order: the first 64 bits of each, its last 16, and the row, if rows are kept."""

    __slots__ = ("_bits", "_heads", "_mask", "_others", "_rows", "bits", "heads", "others", "rows")

    def __init__(
        self, heads: _Words, others: _Halves, rows: _Rows | None, bits: npt.NDArray[np.uint8]
    ) -> None:
        self.heads, self.others, self.rows, self.bits = heads, others, rows, bits
        # These give Python's numbers.
        self._heads, self._others, self._bits = heads.data, others.data, bits.data
        self._rows = None if rows is None else rows.data
        self._mask = len(bits) - 1

    def __len__(self) -> int:
        return len(self.heads)

    def row_of(self, key: int) -> int | None:
        head = key >> _OTHER_BITS
        if not self._bits[head >> 3 & self._mask] >> (head & 7) & 1:
            return None
        at, rows = bisect_left(self._heads, head), self._rows
        while at < len(self._heads) and self._heads[at] == head:
            if self._others[at] == key & 0xFFFF:
                return 0 if rows is None else rows[at]
            at += 1
        return None


def _joined(rest: _Rest | None, latest: dict[bytes, int], *, keeps_rows: bool) -> _Rest:
    """The rest with the latest in their places."""
    parts = np.frombuffer(b"".join(latest), np.dtype([("head", ">u8"), ("other", ">u2")]))
    order = np.argsort(parts["head"])
    heads = parts["head"].astype(np.uint64)[order]
    others = parts["other"].astype(np.uint16)[order]
    rows: _Rows | None = None
    if keeps_rows:
        found = np.fromiter(latest.values(), np.uint64, len(latest))[order]
        rows = found.astype(np.uint32) if found.max() < _SMALL else found
    new = heads
    if rest is not None:
        at = np.searchsorted(rest.heads, heads)
        heads = np.insert(rest.heads, at, heads)
        others = np.insert(rest.others, at, others)
        if rows is not None and rest.rows is not None:
            kind = np.promote_types(rows.dtype, rest.rows.dtype)
            rows = np.insert(rest.rows.astype(kind, copy=False), at, rows)
    size = 1 << len(heads).bit_length()
    if rest is not None and len(rest.bits) == size:
        bits = rest.bits
    else:
        bits, new = np.zeros(size, np.uint8), heads
    places = (new >> np.uint64(3)) & np.uint64(size - 1)
    np.bitwise_or.at(bits, places, np.uint8(1) << (new & np.uint64(7)).astype(np.uint8))
    return _Rest(heads, others, rows, bits)
