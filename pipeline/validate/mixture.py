"""Mixtures: what of a run holds for all its sources, where each may have options of its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .nouns import Said


def _sources(recipe: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    sources = recipe.get("sources")
    for one in sources if isinstance(sources, list) else ():
        if isinstance(one, Mapping):
            yield one


def some_ordinary(recipe: Mapping[str, Any]) -> bool:
    """Whether some dialogues stay ordinary chat: uninterrupted, without statements."""
    return any(one.get("ordinary") for one in _sources(recipe))


def each_in_one(recipe: Mapping[str, Any]) -> bool:
    """Whether the dialogues of some source take part in one type each."""
    common = recipe.get("per_dialogue", "all")
    held = [one.get("per_dialogue", common) for one in _sources(recipe)] or [common]
    return any(one != "all" for one in held)


def own_limits(recipe: Mapping[str, Any]) -> bool:
    """Whether a source is read up to a limit of its own."""
    return any(one.get("limit") is not None for one in _sources(recipe))


def own_language(recipe: Mapping[str, Any]) -> bool:
    """Whether a source says of what language its dialogues are."""
    return any(one.get("language") is not None for one in _sources(recipe))


def looks_ordinary(said: Sequence[Said]) -> bool:
    """Whether nothing but messages and answers is said."""
    return all(one.utterance.kind in ("message", "answer") for one in said)
