"""No text can forge a control token (rule 6)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.markers import DEFAULT_MARKERS, JOINER, count_defused, defuse, undo

pieces = st.lists(
    st.sampled_from(
        [*DEFAULT_MARKERS, "<", ">", JOINER, "idle>", "1>", "<idle", " ", "x", "用户>"]
    ),
    max_size=12,
).map("".join)
texts = pieces | st.text(max_size=40)


@given(texts)
def test_undoing_gives_the_text_back(text: str) -> None:
    """undo(defuse(text)) is text, whatever stands in it."""
    assert undo(defuse(text, DEFAULT_MARKERS), DEFAULT_MARKERS) == text


@given(texts)
def test_no_marker_is_left(text: str) -> None:
    """A defused text holds no control token."""
    defused = defuse(text, DEFAULT_MARKERS)
    assert not [marker for marker in DEFAULT_MARKERS if marker in defused]


@given(texts)
def test_one_joiner_a_marker(text: str) -> None:
    """Defusing adds one U+2060 a marker, and counts them; it changes nothing else."""
    defused = defuse(text, DEFAULT_MARKERS)
    added = len(defused) - len(text)
    assert added == count_defused(defused, DEFAULT_MARKERS)
    assert defused.replace(JOINER, "") == text.replace(JOINER, "")
    loose = "|".join(f"<{JOINER}*{re.escape(marker[1:])}" for marker in DEFAULT_MARKERS)
    assert added == len(re.findall(loose, text))


@pytest.mark.parametrize(
    ("text", "defused"),
    [
        ("a <idle> b", f"a <{JOINER}idle> b"),
        (f"<{JOINER}idle>", f"<{JOINER}{JOINER}idle>"),
        ("<1><2>", f"<{JOINER}1><{JOINER}2>"),
        ("<<1>", f"<<{JOINER}1>"),
        ("</s> <s3>", f"<{JOINER}/s> <{JOINER}s3>"),
        ("<用户>你好<AI>", f"<{JOINER}用户>你好<{JOINER}AI>"),
        ("<b>bold</b> 1 > 0 < 2>", "<b>bold</b> 1 > 0 < 2>"),
    ],
)
def test_what_is_defused(text: str, defused: str) -> None:
    """Markers of the formats and runtimes are defused, other tags are left alone."""
    assert defuse(text, DEFAULT_MARKERS) == defused
