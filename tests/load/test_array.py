"""The elements of a JSON array."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.load import array
from duplexdata.pipeline.load.array import BrokenArrayError, array_elements

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.lists(values, max_size=6),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(1, 40),
)
def test_elements_are_those_of_the_array(
    rows: list[object], indent: int | None, ascii_only: bool, chunk: int
) -> None:
    """Wherever the reads fall, each element comes whole, in order, and parses to its value."""
    data = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array, "_CHUNK", chunk)
        found = [json.loads(element) for element in array_elements(io.BytesIO(data))]
    assert found == rows


@pytest.mark.parametrize(
    "data", [b"", b"[", b'[{"a": 1}', b'[{"a": "]', b'[{"a": "\\', b"[1] 2", b"[1][2]"]
)
def test_a_broken_array_is_told(data: bytes) -> None:
    """An array without an end, or with something behind it, is an error."""
    with pytest.raises(BrokenArrayError):
        list(array_elements(io.BytesIO(data)))


def test_an_element_that_is_no_json_is_an_element() -> None:
    """What stands between two commas is given as it is: it is rejected as a row, not a file."""
    data = b'[{"a": 1}, {"b" 2}, nonsense, {"c": "\xff"}]'
    assert list(array_elements(io.BytesIO(data))) == [
        b'{"a": 1}',
        b'{"b" 2}',
        b"nonsense",
        b'{"c": "\xff"}',
    ]
