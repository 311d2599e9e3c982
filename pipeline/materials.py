"""What a recipe names and a run is made with: tokenizer, transitions, statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .interrupt.transitions import Transitions, load_transitions
from .load.language import LANGUAGES
from .slice.tokenizers import Tokenizer, load_tokenizer
from .statements import Bank, load_bank


@dataclass(frozen=True, slots=True)
class Materials:
    """The things that a recipe names, loaded.

    Attributes:
        tokenizer: whose tokens an assistant slice is counted in.
        transitions: by language.
        banks: of statements, by language.
    """

    tokenizer: Tokenizer
    transitions: dict[str, Transitions]
    banks: dict[str, Bank]

    def fingerprints(self) -> dict[str, Any]:
        """A hash of each, as a manifest names them."""
        return {
            "tokenizer": {"name": self.tokenizer.name, "fingerprint": self.tokenizer.fingerprint},
            "transitions": {name: one.fingerprint for name, one in self.transitions.items()},
            "statement_banks": {name: one.fingerprint for name, one in self.banks.items()},
        }


def load_materials(
    tokenizer: str, transitions: Mapping[str, str], banks: Mapping[str, str]
) -> Materials:
    """Loads what a recipe names; in one process once for all blocks.

    Args:
        tokenizer: the recipe's.
        transitions: a user's own files, by language; the shipped ones for the others.
        banks: the same of statements.

    Raises:
        TokenizerError: the tokenizer cannot be had.
        PromptError: a file of transitions or statements is wrong.
    """
    return _load(tokenizer, tuple(transitions.items()), tuple(banks.items()))


def forget_materials() -> None:
    """Makes the next `load_materials` read everything anew."""
    _load.cache_clear()


@lru_cache(maxsize=1)  # a tokenizer takes as long to load as a block to build
def _load(
    tokenizer: str,
    own_transitions: tuple[tuple[str, str], ...],
    own_banks: tuple[tuple[str, str], ...],
) -> Materials:
    transitions, banks = dict(own_transitions), dict(own_banks)
    return Materials(
        load_tokenizer(tokenizer),
        {language: load_transitions(language, transitions.get(language)) for language in LANGUAGES},
        {language: load_bank(language, banks.get(language)) for language in LANGUAGES},
    )
