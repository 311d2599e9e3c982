"""An exact encoder with tiktoken's ids at a multiple of its speed: `duplexdata[fast]`.

It is used where it is installed and gives the ids of tiktoken on a probe; the bytes of a
run are the same either way, and the run says which was in use. DUPLEXDATA_ENCODER says
which to use: `tiktoken`, or `quicktok`, without which a build then stops.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import TokenizerError

if TYPE_CHECKING:
    import tiktoken

CHOICE = "DUPLEXDATA_ENCODER"
_ENCODERS = ("tiktoken", "quicktok")

PROBE = (
    "Hello, world! It's 3 o'clock; I'LL be there at 12:34:56, won't I?\n\n  Two  spaces\tand tabs ",
    "你好，世界！今天天气怎么样？日本語のテキスト、한국어 텍스트, русский текст, العربية",
    "👨\u200d👩\u200d👧 👋🏽 naïve cafe\u0301 ﬁ ǆ İ \u00a0\u2028\u3000 \ufffd \x00 \x1b[0m",
    "<|endoftext|> <|im_start|><|fim_prefix|>",
    "def f(x):\r\n\treturn x ** 2  # 10000000 3.14159 0xdeadBEEF\r\n" + "a" * 500 + " \n" * 50,
)
"""Texts that tell encoders apart: contractions, digits, scripts, white space, special tokens."""


@dataclass(frozen=True, slots=True)
class AcceleratedTokenizer:
    """An encoding of tiktoken's, encoded by quicktok."""

    name: str
    fingerprint: str
    origin: str
    encoder: Any
    lengths: npt.NDArray[np.int64]

    def token_ends(self, text: str) -> npt.NDArray[np.int64]:
        """See `Tokenizer.token_ends`."""
        return self.token_ends_of((text,))[0]

    def token_ends_of(self, texts: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """See `Tokenizer.token_ends_of`."""
        ids, offsets = self.encoder.encode_batch(list(texts), 1)
        ends = self.lengths[ids].cumsum()
        # Each text counts from its own begin.
        before = np.concatenate(([0], ends))[offsets]
        bounds = offsets.tolist()
        return [
            ends[bounds[number] : bounds[number + 1]] - before[number]
            for number in range(len(texts))
        ]


def accelerator(name: str, wanted: Callable[[], str]) -> Any | None:
    """The fast encoder of an encoding, or None where tiktoken is to be used.

    Args:
        name: of the encoding.
        wanted: gives the sha256 of tiktoken's ids on the probe.

    Raises:
        TokenizerError: it was asked for, and cannot be had.
    """
    choice = os.environ.get(CHOICE)
    if choice not in (None, "", *_ENCODERS):
        raise TokenizerError(f"{CHOICE}={choice}: it must be {' or '.join(_ENCODERS)}")
    if choice == "tiktoken":
        return None
    why = "pip install 'duplexdata[fast]'"
    try:
        import quicktok

        encoder = quicktok.get_encoding(name)
        if is_exact(encoder, wanted()):
            return encoder
        why = "its ids are not tiktoken's"
    except ImportError:
        pass
    except Exception as error:  # no such encoding there: a RuntimeError, or what comes
        why = f"{type(error).__name__}: {error}"
    if choice == "quicktok":
        raise TokenizerError(f"{CHOICE}=quicktok cannot encode {name}: {why}")
    return None


def is_exact(encoder: Any, wanted: str) -> bool:
    """Whether an encoder gives the ids on the probe that this is the sha256 of."""
    ids, offsets = encoder.encode_batch(list(PROBE), 1)
    return _digest(ids[a:b].tolist() for a, b in pairwise(offsets.tolist())) == wanted


def probed(encoding: "tiktoken.Encoding") -> str:
    """A sha256 of the ids that tiktoken gives on the probe."""
    return _digest(encoding.encode_ordinary(text) for text in PROBE)


def _digest(ids: Iterable[list[int]]) -> str:
    return sha256(json.dumps(list(ids)).encode()).hexdigest()


def accelerated(
    encoder: Any, name: str, fingerprint: str, lengths: npt.NDArray[np.int64]
) -> AcceleratedTokenizer:
    """The tokenizer that encodes with it."""
    origin = f"quicktok {version('quicktok-v1')}, exact on a probe"
    return AcceleratedTokenizer(name, fingerprint, origin, encoder, lengths)
