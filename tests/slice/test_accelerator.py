"""The optional fast encoder: the same ids, or it is not used."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.errors import TokenizerError
from duplexdata.pipeline.load.files import raw_rows
from duplexdata.pipeline.load.layouts import COLUMNS
from duplexdata.pipeline.load.raw_file import LocalFile
from duplexdata.pipeline.slice.slicer import Slicer
from duplexdata.pipeline.slice.tokenizers import Tokenizer, load_tokenizer
from duplexdata.pipeline.slice.tokenizers import tiktoken as tiktoken_tokenizers
from duplexdata.pipeline.slice.tokenizers.accelerator import (
    CHOICE,
    PROBE,
    accelerator,
    is_exact,
    probed,
)
from duplexdata.pipeline.slice.tokenizers.tiktoken import KNOWN, embedded_lengths

quicktok = pytest.importorskip("quicktok")
DATA = Path(__file__).parents[3] / "shared" / "data"


def loaded(encoder: str, name: str = "cl100k_base") -> Tokenizer:
    """The tokenizer with one of the encoders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CHOICE, encoder)
        return load_tokenizer(name)


SLOW, FAST = loaded("tiktoken"), loaded("quicktok")


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def assert_same(texts: list[str]) -> None:
    """Both encoders end every token of every text at the same byte."""
    for text, fast in zip(texts, FAST.token_ends_of(texts), strict=True):
        np.testing.assert_array_equal(fast, SLOW.token_ends(text), err_msg=text[:200])


def test_both_are_the_same_tokenizer() -> None:
    """Name and fingerprint, which a manifest holds, do not tell them apart; the origin does."""
    assert (FAST.name, FAST.fingerprint) == (SLOW.name, SLOW.fingerprint)
    assert "quicktok" in FAST.origin
    assert "tiktoken" in SLOW.origin


@given(st.lists(st.text(max_size=200), max_size=8))
def test_tokens_end_at_the_same_bytes(texts: list[str]) -> None:
    """Of any texts, also empty ones, one at a time and many at once."""
    assert_same(texts)
    for text in texts:
        np.testing.assert_array_equal(FAST.token_ends(text), SLOW.token_ends(text))


PARTS = [
    *"aA1 \n\t'",
    *("  ", "'s", "'LL", "123", "é", "你", "👍🏽", "\r\n", "\u00a0", "\u3000", "ſ", "\x85"),
    "<|endoftext|>",
]


@given(st.lists(st.sampled_from(PARTS), max_size=60))
def test_what_the_pattern_parts_is_parted_alike(parts: list[str]) -> None:
    """Contractions, digits, white space and capitals in any order."""
    assert_same(["".join(parts)])


@pytest.mark.skipif(not DATA.is_dir(), reason="no folder of real dialogues beside the project")
@pytest.mark.parametrize(
    "file", sorted(DATA.glob("*.jsonl")) if DATA.is_dir() else [], ids=lambda one: one.name
)
def test_real_dialogues_are_encoded_alike(file: Path) -> None:
    """Every text of every real file."""
    rows = raw_rows(LocalFile(file, file.name), COLUMNS)
    texts = [text for _, _, row in rows for text in strings(row)]
    assert len(texts) > 100
    assert_same(texts)


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=6), st.integers(1, 12))
def test_answers_are_cut_alike(texts: list[str], slice_tokens: int) -> None:
    """And so are their slices, cut together or one by one."""
    fast, slow = Slicer(FAST, slice_tokens), Slicer(SLOW, slice_tokens)
    fast.cut_answers(texts)
    for text in texts:
        assert fast.answer(text).ends.tolist() == slow.answer(text).ends.tolist()
        assert fast.answer(text).begins.tolist() == slow.answer(text).begins.tolist()


class OneOff:
    """An encoder that gets one id of the probe wrong."""

    def __init__(self, wrong: int) -> None:
        """Takes the number of the id."""
        self.encoder = quicktok.get_encoding("cl100k_base")
        self.wrong = wrong

    def encode_batch(self, texts: list[str], threads: int) -> tuple[Any, Any]:
        """The ids and offsets, one of them changed."""
        ids, offsets = self.encoder.encode_batch(texts, threads)
        ids = ids.copy()
        ids[self.wrong] += 1
        return ids, offsets


@pytest.mark.parametrize("wrong", [0, 40, -1])
def test_an_encoder_that_is_not_exact_is_not_used(wrong: int) -> None:
    """A single id that differs on the probe is enough."""
    wanted = probed(SLOW.encoding)  # type: ignore[attr-defined]
    assert is_exact(quicktok.get_encoding("cl100k_base"), wanted)
    assert not is_exact(OneOff(wrong), wanted)
    assert sum(map(len, PROBE)) > 500


def test_what_is_known_of_an_encoding_is_what_tiktoken_says() -> None:
    """Its fingerprint, its ids on the probe, and the length of each token."""
    (name,) = KNOWN
    known = KNOWN[name]
    encoding = SLOW.encoding  # type: ignore[attr-defined]
    assert tuple(known) == (SLOW.fingerprint, probed(encoding), encoding.max_token_value)
    lengths = SLOW.lengths  # type: ignore[attr-defined]
    np.testing.assert_array_equal(embedded_lengths(name, known), lengths)
    assert not embedded_lengths(name, known)[list(map(encoding.encode_single_token, SPECIAL))].any()


SPECIAL = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>")


def test_ids_that_are_not_the_wanted_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it was asked for by name it is then left, and tiktoken is used."""
    monkeypatch.delenv(CHOICE, raising=False)
    right = probed(SLOW.encoding)  # type: ignore[attr-defined]
    assert accelerator("cl100k_base", lambda: right) is not None
    assert accelerator("cl100k_base", lambda: "0" * 64) is None
    monkeypatch.setenv(CHOICE, "quicktok")
    with pytest.raises(TokenizerError, match="its ids are not tiktoken's"):
        accelerator("cl100k_base", lambda: "0" * 64)


def test_an_encoding_that_is_not_known_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiktoken is asked at load, and what comes of it is the same."""
    monkeypatch.setattr(tiktoken_tokenizers, "KNOWN", {})
    monkeypatch.setenv(CHOICE, "quicktok")
    probed_anew = load_tokenizer("cl100k_base")
    assert (probed_anew.fingerprint, probed_anew.origin) == (FAST.fingerprint, FAST.origin)
    monkeypatch.setattr(tiktoken_tokenizers, "probed", lambda _: "0" * 64)
    with pytest.raises(TokenizerError, match="its ids are not tiktoken's"):
        load_tokenizer("cl100k_base")


def test_the_choice_is_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything else is an error that names the variable; an encoding it lacks is one too."""
    monkeypatch.setenv(CHOICE, "quick")
    with pytest.raises(TokenizerError, match=CHOICE):
        load_tokenizer("cl100k_base")


def test_the_bytes_of_a_run_are_the_same(tmp_path: Path) -> None:
    """A build with either writes one manifest; run.json says which was in use."""
    made = {}
    for encoder in ("tiktoken", "quicktok"):
        out = tmp_path / encoder
        subprocess.run(
            [
                *(sys.executable, "-m", "duplexdata", "build", "--format", "tdm"),
                *("--source", "sample", "--out", str(out), "--statements", "0.5"),
            ],
            check=True,
            capture_output=True,
            env={**os.environ, CHOICE: encoder},
        )
        made[encoder] = (out / "manifest.json").read_bytes()
        assert encoder in json.loads((out / "run.json").read_text())["tokenizer"]
    assert made["tiktoken"] == made["quicktok"]
