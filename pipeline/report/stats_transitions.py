"""Which transition an utterance opens with, as far as the row tells it.

A row holds a transition and the source's message joined. What the offline writer joined
begins with a sentence of the language's list, word for word; what a model worded does not
have to, and is counted as not on the list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..interrupt.transitions import load_transitions
from ..load.language import LANGUAGES
from ..slice.words import word_spans
from .joined import squeezed

LISTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "interjection": (("generation_termination", "interjection"),),
    "stop": (("generation_termination", "stop"),),
    "repeat": (("regeneration", "restate"), ("regeneration", "contradict")),
    "reset": (("dialogue_reset", "change"),),
    "aside": tuple(("back_on_topic", f"aside_{one}") for one in ("repeat", "item", "spelling")),
}
"""The lists that an utterance of a kind takes its transition from."""

WHOLE = ("stop", "aside")
"""Kinds that are a transition and nothing else."""

_OPENING = 300  # code points within which every transition ends
_SLOT = re.compile(r"\\\{\w+\\\}")


@dataclass(frozen=True)
class TransitionList:
    """The sentences that an utterance of one kind and language can open with.

    Attributes:
        kind: of the utterance.
        language: of the sentences.
        sentences: in the order of their file; may hold the empty one.
    """

    kind: str
    language: str
    sentences: tuple[str, ...]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # White space is compared nowhere: that between slices is not in the row.
        bare = {squeezed(one): number for number, one in enumerate(self.sentences) if one}
        options = (
            f"(?P<s{number}>{_SLOT.sub('.+', re.escape(text))})"
            for text, number in sorted(bare.items(), key=lambda one: -len(one[0]))
        )
        return re.compile("|".join(options) or "(?!)")

    def find(self, text: str) -> str | None:
        """The sentence that a text opens with (of `WHOLE` kinds: is), the longest; or None."""
        bare = squeezed(text[:_OPENING])
        find = self._pattern.fullmatch if self.kind in WHOLE else self._pattern.match
        found = find(bare)
        return self.sentences[int((found.lastgroup or "s0")[1:])] if found else None

    def words(self, sentence: str) -> int:
        """How many words a sentence has."""
        return len(word_spans(sentence, self.language))


def opening_of(text: str, origin: str | None, known: TransitionList | None) -> str | None:
    """The transition of an utterance; empty where the user just speaks, None where unknown."""
    if origin == "source":
        return ""
    return known.find(text) if known else None


def load_lists(own_files: Mapping[str, str]) -> dict[tuple[str, str], TransitionList]:
    """The sentences by kind of utterance and language.

    Args:
        own_files: by language, what the recipe names in place of the shipped file.

    Raises:
        PromptError: a file that the recipe names cannot be read.
    """
    lists = {}
    for language in LANGUAGES:
        held = load_transitions(language, own_files.get(language)).kinds
        for kind, names in LISTS.items():
            sentences = tuple(one for name in names for one in held[name])
            lists[kind, language] = TransitionList(kind, language, sentences)
    return lists
