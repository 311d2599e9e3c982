"""Which keys came before, beside a dict."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.load.seen import KEY_BYTES, Seen

# Few heads and few tails: keys repeat, and differ in their last 16 bits alone.
_HEADS = st.sampled_from([bytes(8), b"\0" * 7 + b"\1", b"\x80" + bytes(7), b"\xff" * 8])
_TAILS = st.sampled_from([bytes(2), b"\0\1", b"\1\0", b"\xff\xff"])
_ALIKE = st.tuples(_HEADS, _TAILS).map(b"".join)
_ANY = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@given(st.lists(_ALIKE | _ANY, max_size=200), st.integers(0, 9), st.integers(1, 2**48 - 300))
def test_the_first_row_of_a_key(keys: list[bytes], fewest: int, begin: int) -> None:
    """It is found wherever it is kept, and keys that differ in a bit are told apart."""
    seen, expected = Seen(fewest), dict[bytes, int]()
    for row, key in enumerate(keys, start=begin):
        assert seen.first(key, row) == expected.setdefault(key, row)


@given(st.lists(_ALIKE | _ANY, max_size=200), st.integers(0, 9))
def test_whether_a_key_was_seen_where_no_rows_are_kept(keys: list[bytes], fewest: int) -> None:
    """It is its own row the first time, and 0 ever after."""
    seen, before = Seen(fewest, keeps_rows=False), set[bytes]()
    for row, key in enumerate(keys, start=1):
        assert seen.row_of(key) == (0 if key in before else None)
        assert seen.first(key, row) == (0 if key in before else row)
        before.add(key)


def test_rows_of_more_than_four_bytes() -> None:
    """They are kept, beside those that were kept before."""
    seen, keys = Seen(4), [_key(number) for number in range(100)]
    rows = [2**32 - 50 + number for number in range(100)]
    for key, row in zip(keys, rows, strict=True):
        seen.first(key, row)
    assert [seen.row_of(key) for key in keys] == rows


def _key(number: int) -> bytes:
    return (number * 0x9E3779B97F4A7C15F39D % 2**80).to_bytes(KEY_BYTES)


def test_keys_that_joined_the_rest_long_ago() -> None:
    """They are found, however many came after them."""
    seen, keys = Seen(16), [_key(number) for number in range(5000)]
    assert [seen.first(key, row) for row, key in enumerate(keys)] == list(range(5000))
    assert [seen.first(key, 5000) for key in keys] == list(range(5000))


def test_memory() -> None:
    """What is kept of many keys is a sixth of what a dict would keep."""
    tracemalloc.start()
    try:
        seen = Seen()
        for number in range(100_000):
            seen.first(_key(number), number)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < 26 * 100_000
