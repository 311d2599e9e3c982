"""Under which licence rows may be given on: that of the sources they were made from."""

from collections.abc import Iterable, Mapping
from typing import Any

from ..load.hub import hub_name

KNOWN: Mapping[str, str] = {
    "sample": "apache-2.0",
    "ultrachat": "mit",
    "openbmb/UltraChat": "mit",
    "stingning/ultrachat": "mit",
    "ultrachat_200k": "mit",
    "HuggingFaceH4/ultrachat_200k": "mit",
    "OpenAssistant/oasst1": "apache-2.0",
    "OpenAssistant/oasst2": "apache-2.0",
}
"""Licences of sources, by the name that a recipe gives them, as the Hub writes licences.

What the card of a source on the Hub says, the manifest holds, and it goes before these.
The embedded sample is under the project's own; UltraChat is MIT since October 2023."""

_TOGETHER = {frozenset({"mit", "apache-2.0"}): "apache-2.0"}
"""What rows of several licences may be given on under; other mixtures are for people to judge."""


def source_licences(sources: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """The licence of each source of a manifest, None where it is not known."""
    return {
        one["source"]: one.get("licence")
        or KNOWN.get(one.get("repository") or _plain(one["source"]))
        for one in sources
    }


def licence_of(sources: Iterable[Mapping[str, Any]]) -> str | None:
    """The one licence that all sources allow, or None: one is unknown, or they do not go together.

    Args:
        sources: of a manifest.
    """
    found = set(source_licences(sources).values())
    if len(found) == 1:
        return found.pop()
    return _TOGETHER.get(frozenset(one or "" for one in found))


def why_unknown(sources: Iterable[Mapping[str, Any]]) -> str:
    """Why `licence_of` gave None, in words."""
    licences = source_licences(sources)
    unknown = [name for name, licence in licences.items() if licence is None]
    if unknown:
        return f"the licence of {_listed(unknown)} is not known"
    named = [f"{name} ({licence})" for name, licence in licences.items()]
    return f"the licences of {_listed(named)} are not known to go together"


def is_never_known(source: str) -> bool:
    """Whether a source as a recipe names it, here or at a URL, has no licence that we could know.

    That of one on the Hub its card may say, once it is read.
    """
    return hub_name(source) is None and source not in KNOWN


def _plain(source: str) -> str:
    """A source's name without scheme and revision."""
    return source.removeprefix("hf://datasets/").partition("@")[0]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
