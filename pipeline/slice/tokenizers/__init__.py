"""Tokenizers, behind one narrow interface: where the tokens of a text end.

A tokenizer is one file with a `load` function and one line in `KINDS`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...errors import TokenizerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt


class Tokenizer(Protocol):
    """What slicing needs of a tokenizer."""

    @property
    def name(self) -> str:
        """What the recipe calls it."""

    @property
    def fingerprint(self) -> str:
        """A sha256 over its vocabulary and rules: same fingerprint, same slices."""

    @property
    def origin(self) -> str:
        """Which library reads it, and where its vocabulary was found; for people."""

    def token_ends(self, text: str) -> "npt.NDArray[np.int64]":
        """The byte of the UTF-8 of `text` at which each token ends, in order.

        The text is encoded as ordinary text: no special token is recognised.
        An end may lie inside a code point (byte-level and byte-fallback tokens).
        """

    def token_ends_of(self, texts: "Sequence[str]") -> "list[npt.NDArray[np.int64]]":
        """`token_ends` of each text, for a tokenizer that encodes many at once faster."""


class TokenizerKind(NamedTuple):
    """A family of tokenizers: which names are its own, and how one is loaded."""

    label: str
    owns: "Callable[[str], bool]"
    module: str


KINDS: tuple[TokenizerKind, ...] = (
    TokenizerKind("a tokenizer.json", lambda name: name.endswith(".json"), "tokenizer_json"),
    TokenizerKind("a sentencepiece .model", lambda name: name.endswith(".model"), "sentencepiece"),
    TokenizerKind("a tiktoken encoding", lambda name: "/" not in name, "tiktoken"),
)

_IN_FOLDER = ("tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")


def is_at_hand(name: str) -> bool:
    """Whether a tokenizer can be loaded without asking the network."""
    if Path(name).exists():
        return True
    from .tiktoken import has_ranks

    return has_ranks(name)


def load_tokenizer(name: str) -> Tokenizer:
    """Loads a tokenizer by what the recipe calls it.

    Args:
        name: a tiktoken encoding, a `tokenizer.json`, a sentencepiece `.model`,
            or a folder that holds one of the latter two.

    Raises:
        TokenizerError: there is no such tokenizer, or it cannot be read here.
    """
    from importlib import import_module

    place = name
    if Path(name).is_dir():
        held = [Path(name) / file for file in _IN_FOLDER if (Path(name) / file).is_file()]
        if not held:
            raise TokenizerError(
                f"the folder {name} holds no tokenizer: looked for {', '.join(_IN_FOLDER)}"
            )
        place = str(held[0])
    for kind in KINDS:
        if kind.owns(place):
            module = import_module(f"{__name__}.{kind.module}")
            loaded: Tokenizer = module.load(name, place)
            return loaded
    known = ", ".join(kind.label for kind in KINDS)
    raise TokenizerError(f"no tokenizer called {name}: it must be {known}, or a folder with one")
