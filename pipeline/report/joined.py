"""Where a transition ends in a text that was joined of a transition and a message.

A row says who joined a text, not where. The place is told only where it is certain: the
message stands in the row a second time, or a text joined offline opens with a shipped
transition. Places are counted in characters that are no white space, because the slices
of a Chinese text do not say where white space stood.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..errors import PromptError
from ..interrupt.transitions import load_transitions

_TRANSITIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "interjection": (("generation_termination", "interjection"),),
    "repeat": (("regeneration", "restate"), ("regeneration", "contradict")),
    "reset": (("dialogue_reset", "change"),),
}
"""For each kind of utterance that is joined, the lists that its transition is drawn from."""

JOINED_KINDS = frozenset(_TRANSITIONS)


def squeezed(text: str) -> str:
    """The text without its white space."""
    return "".join(text.split())


def transition_length(
    text: str, kind: str, shipped: str | None, earlier: Sequence[str]
) -> int | None:
    """How much of a joined text is its transition.

    Args:
        text: what the user says, squeezed.
        kind: of the utterance.
        shipped: the language whose shipped transitions were the ones drawn from, if they were.
        earlier: what the user said before in the row, squeezed.

    Returns:
        Characters that are no white space; None where it cannot be told.
    """
    if kind == "repeat":
        found = max((_length(text, said) for said in earlier), default=0)
        if found:
            return len(text) - found
    if shipped:
        opening = (
            len(one) for one in _shipped(shipped, kind) if text.startswith(one) and one != text
        )
        return max(opening, default=None)
    return None


def split_at(slices: Sequence[str], length: int) -> list[tuple[str, str]]:
    """Each slice parted into what belongs to the first `length` characters, and the rest."""
    parts = []
    for text in slices:
        place = 0
        while place < len(text) and length:
            length -= not text[place].isspace()
            place += 1
        parts.append((text[:place], text[place:]))
    return parts


def _length(text: str, said: str) -> int:
    """The length of what was said, if the text ends in it (a first letter may lose its capital)."""
    behind = text[-len(said) :] if said else ""
    same = behind[1:] == said[1:] and behind[:1].lower() == said[:1].lower()
    return len(said) if said and same and len(said) < len(text) else 0


@lru_cache(maxsize=16)
def _shipped(language: str, kind: str) -> tuple[str, ...]:
    try:
        kinds = load_transitions(language, None).kinds
    except PromptError:  # of this language there are none
        return ()
    lists = (kinds[name] for name in _TRANSITIONS.get(kind, ()))
    return tuple(squeezed(one) for sentences in lists for one in sentences if one)
