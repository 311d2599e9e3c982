"""What a recipe names and a run is made with: tokenizer, transitions, statements."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .interrupt.transitions import Transitions, load_transitions
from .load.language import LANGUAGES
from .recipe import Recipe
from .slice.tokenizers import Tokenizer, load_tokenizer
from .statements import Bank, load_bank


@dataclass(frozen=True, slots=True)
class MaterialFacts:
    """What a run says of its materials.

    Attributes:
        tokenizer: what the recipe calls it.
        origin: which library reads it, and where its vocabulary was found.
        fingerprints: a hash of each thing that is named, as a manifest names them.
    """

    tokenizer: str
    origin: str
    fingerprints: dict[str, Any]


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

    def facts(self) -> MaterialFacts:
        """What a run says of them."""
        return MaterialFacts(self.tokenizer.name, self.tokenizer.origin, self.fingerprints())

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
    named = [Path(tokenizer), *map(Path, transitions.values()), *map(Path, banks.values())]
    versions = tuple(_version(one) for place in named for one in (place, *place.glob("*")))
    return _load(tokenizer, tuple(transitions.items()), tuple(banks.items()), versions)


def material_facts(recipe: Recipe) -> MaterialFacts:
    """What a run of a recipe says of its materials; raises what `load_materials` raises."""
    return load_materials(recipe.tokenizer, recipe.transitions, recipe.statement_banks).facts()


def _version(file: Path) -> tuple[int, int] | None:
    """What tells that a file was changed, in a process that loads it again and again."""
    try:
        held = file.stat()
    except (OSError, ValueError):  # a name that no file can have, too
        return None
    return held.st_mtime_ns, held.st_size


def forget_materials() -> None:
    """Makes the next `load_materials` read everything anew."""
    _load.cache_clear()


@lru_cache(maxsize=1)  # a tokenizer takes as long to load as a block to build
def _load(
    tokenizer: str,
    own_transitions: tuple[tuple[str, str], ...],
    own_banks: tuple[tuple[str, str], ...],
    _versions: tuple[tuple[int, int] | None, ...],
) -> Materials:
    transitions, banks = dict(own_transitions), dict(own_banks)
    return Materials(
        load_tokenizer(tokenizer),
        {language: load_transitions(language, transitions.get(language)) for language in LANGUAGES},
        {language: load_bank(language, banks.get(language)) for language in LANGUAGES},
    )
