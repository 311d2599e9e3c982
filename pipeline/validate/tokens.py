"""The tokenizer that texts are cut with again: the very one that made the rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import TokenizerError
from ..slice.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class SameTokenizer:
    """A tokenizer by its name, loaded where the first text is cut, or `load` is called."""

    def __init__(self, name: str, identity: Mapping[str, Any] | None) -> None:
        """Loads nothing yet.

        Args:
            name: what `load_tokenizer` knows it by.
            identity: what the run that made the rows names itself by, if it does.
        """
        self.name = name
        self._identity = identity
        self._loaded: Tokenizer | None = None

    def load(self) -> Tokenizer:
        """The tokenizer itself.

        Raises:
            TokenizerError: it cannot be had, or is not the one that made the rows.
        """
        if self._loaded is None:
            self._loaded = _same(self.name, self._identity)
        return self._loaded

    @property
    def fingerprint(self) -> str:
        """See `Tokenizer.fingerprint`."""
        return self.load().fingerprint

    @property
    def origin(self) -> str:
        """See `Tokenizer.origin`."""
        return self.load().origin

    def token_ends(self, text: str) -> "npt.NDArray[np.int64]":
        """See `Tokenizer.token_ends`."""
        return self.load().token_ends(text)

    def token_ends_of(self, texts: Sequence[str]) -> "list[npt.NDArray[np.int64]]":
        """See `Tokenizer.token_ends_of`."""
        return self.load().token_ends_of(texts)


_early: dict[str, Tokenizer] = {}


def load_early(name: str) -> None:
    """Loads a tokenizer for the worker processes that this one forks.

    Raises:
        TokenizerError: it cannot be had.
    """
    _early[name] = load_tokenizer(name)


def _same(name: str, identity: Mapping[str, Any] | None) -> Tokenizer:
    loaded = _early.get(name) or load_tokenizer(name)
    made_with = (identity or {}).get("tokenizer")
    if (
        isinstance(made_with, dict)
        and made_with.get("name") == name
        and made_with.get("fingerprint") != loaded.fingerprint
    ):
        raise TokenizerError(
            f"the tokenizer {name} is not the one that made the rows (its fingerprint is another): "
            "give that one with --tokenizer"
        )
    return loaded
