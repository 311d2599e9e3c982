"""Questions about what was just said, whose answers are true of the text alone.

Offline nothing is invented: the user asks to hear the last sentence again, whether that
was item three, or how a term was spelled; the answer stands in the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..slice.sentences import sentence_spans
from ..slice.words import Span, word_spans

KINDS = ("repeat", "item", "spelling")

_LONGEST_SENTENCE = 240  # code points that a person would want to hear again
_NEAR = 80  # code points before the cut in which something was "just" said
_NEXT_BLOCK = re.compile(r"\n(?![ \t])")
_ITEM = re.compile(r"^[ \t]*(\d{1,2})[.)、．]", re.MULTILINE)
# A name in the middle of a sentence: it is no ordinary word with a capital.
_TERM = {
    "en": re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,13}\b(?!['’.-])"),
    "zh": re.compile(r"(?<![A-Za-z`/._-])[A-Z][A-Za-z]{2,13}(?![A-Za-z`/._(-])"),
}
_ORDINALS = {
    "en": ["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"],
    "zh": ["二", "三", "四", "五", "六", "七", "八", "九", "十"],
}


@dataclass(frozen=True, slots=True)
class Aside:
    """A question that can be asked where an answer is cut.

    Attributes:
        kind: one of `KINDS`.
        slots: what question and answer are filled with.
    """

    kind: str
    slots: dict[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a listener hears it: its sentences, words and numbered items."""

    text: str
    language: str
    sentences: tuple[Span, ...]
    words: tuple[Span, ...]
    items: tuple[tuple[int, int], ...]

    def asides(self, heard: int) -> dict[str, Aside]:
        """By kind, what can be asked after so many code points; nothing within code."""
        if self.text.count("```", 0, heard) % 2:
            return {}
        found = (self._repeat(heard), self._item(heard), self._spelling(heard))
        return {aside.kind: aside for aside in found if aside is not None}

    def resume_at(self, ends: Sequence[int], heard: int) -> int:
        """The code point from which the assistant goes on after an aside.

        The begin of the cut sentence; or of the cut word, where that sentence begins
        before the end of slice c-3 of the c heard: nobody starts a long one again.

        Args:
            ends: the code point after each slice of the answer.
            heard: how many code points were, the end of one of these slices.
        """
        begin = min(heard, next((first for first, last in self.sentences if last > heard), heard))
        slices = sum(end <= heard for end in ends)
        if slices <= 3 or begin >= ends[slices - 4]:
            return begin
        return next((first for first, last in self.words if first < heard < last), heard)

    def _repeat(self, heard: int) -> Aside | None:
        whole = [span for span in self.sentences if span[1] <= heard]
        # It is the last sentence to a listener only while the next has hardly begun.
        if not whole or heard - whole[-1][1] > _NEAR:
            return None
        sentence = self.text[slice(*whole[-1])]
        plain = sentence[0].isalnum() and sentence[-1] in ".!。！" and "\n" not in sentence
        if not plain or _ITEM.match(sentence) or not 8 <= len(sentence) <= _LONGEST_SENTENCE:
            return None
        return Aside("repeat", {"sentence": sentence})

    def _item(self, heard: int) -> Aside | None:
        begun = [(begin, number) for begin, number in self.items if begin < heard]
        if not 2 <= len(begun) <= 10:
            return None
        # An item ends with its line, or with the indented lines below it.
        if _NEXT_BLOCK.search(self.text, begun[-1][0], heard):
            return None
        return Aside("item", {"n": _ORDINALS[self.language][len(begun) - 2]})

    def _spelling(self, heard: int) -> Aside | None:
        just_said = self.text[max(0, heard - _NEAR) : heard]
        terms = _TERM[self.language].findall(just_said)
        if not terms or just_said.endswith(terms[-1]):  # the cut may fall within the word
            return None
        term = terms[-1]
        return Aside("spelling", {"term": term, "letters": "-".join(term.upper())})


def listen(text: str, language: str) -> Answer:
    """What a listener makes of an answer."""
    items = tuple((found.start(), int(found[1])) for found in _ITEM.finditer(text))
    # Several lists, or one that skips, count nothing that a listener could check.
    steps = [(later - earlier) for (_, earlier), (_, later) in pairwise(items)]
    plain = bool(items) and items[0][1] == 1 and all(step == 1 for step in steps)
    return Answer(
        text,
        language,
        tuple(sentence_spans(text, language)),
        tuple(word_spans(text, language)),
        items if plain else (),
    )


def fill(template: str, slots: dict[str, str]) -> str:
    """The template with its slots filled."""
    for name, value in slots.items():
        template = template.replace(f"{{{name}}}", value)
    return template
