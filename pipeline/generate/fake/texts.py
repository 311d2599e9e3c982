"""What the fake engine writes: a reply of each kind, put together from a language's phrases."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ...chance import Chance, Draws
from ...declarative import fault
from ...slice.words import word_spans
from ..offline import join, load_joining

KINDS = ("fuse", "answer", "aside", "statement", "critique", "chat")

Values = Mapping[str, Any]
Reply = dict[str, Any]

_NEAR = 400
"""Code points at the end of a text in which its terms are looked for."""

# A word behind an article or a preposition and before a pause or a function word: a noun.
_NOUN = re.compile(
    r"\b(?:the|an?|your|my|our|their|its|this|of|in|for|with|about|to|on)\s+([a-z]{4,14})"
    r"(?=[.,;:!?)]|\s+(?:of|in|is|are|and|to|for|on|that|with|can|was|were|will|has|at|by|from|as"
    r"|or)\b|\s*$)"
)
# Failing that, a name within a sentence or any longer word.
_WORD = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,13}\b|\b[a-z]{5,14}\b")
_HAN = re.compile("[\u4e00-\u9fff]{2,6}")
_SLOT = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of a language; the tables of the same names in `<language>.toml`.

    A phrase may hold `{a}` and `{b}`, which are filled with terms of the dialogue.
    """

    space: str
    leads: tuple[str, ...]
    answer_first: tuple[str, ...]
    answer_then: tuple[str, ...]
    answer_last: tuple[str, ...]
    aside_questions: tuple[str, ...]
    aside_answers: tuple[str, ...]
    aside_bridges: tuple[str, ...]
    statements: tuple[str, ...]
    plain_statements: tuple[str, ...]
    approvals: tuple[str, ...]
    disapprovals: tuple[str, ...]
    terms: tuple[str, ...]
    no_terms: tuple[str, ...]
    questions: tuple[str, ...]
    refusals: tuple[str, ...]
    of_itself: tuple[str, ...]
    vague: tuple[str, ...]
    before_json: tuple[str, ...]
    after_json: tuple[str, ...]


@lru_cache(maxsize=2)
def phrases(language: str) -> Phrases:
    """Reads the phrases of a language."""
    table = tomllib.loads((files(__package__) / f"{language}.toml").read_text("utf-8"))
    space: str = table.pop("space")
    return Phrases(space=space, **{name: tuple(value) for name, value in table.items()})


def language_of(values: Values) -> str:
    """The language of a request; what names none is taken for English."""
    return "zh" if values.get("language") == "zh" else "en"


def write(kind: str, values: Values, chance: Chance) -> Reply:
    """A reply of the kind, without fault, in the form of its schema.

    Args:
        kind: one of `KINDS`; `chat` is whatever else a client may send.
        values: those of the prompt.
        chance: the request's own.
    """
    language = language_of(values)
    draws = chance.of(kind)
    if kind == "fuse":
        return {"text": _fused(values, language, draws)}
    if kind == "aside":
        return _aside(values, language, draws)
    if kind == "statement":
        count = values.get("count")
        wanted = count if isinstance(count, int) else 1
        return {"statements": _statements(values, wanted, language, draws)}
    if kind == "critique":
        return _critique(values, language, draws)
    return {"text": _answer(_text(values, "question"), language, draws)}


def _text(values: Any, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, str) else ""


def _last_turns(values: Values) -> str:
    """What was said last by either side."""
    history = values.get("history")
    if not isinstance(history, list) or not history:
        return ""
    return " ".join(_text(turn, "content")[-_NEAR:] for turn in history[-2:])


@lru_cache(maxsize=4096)
def terms_of(text: str, language: str) -> tuple[str, ...]:
    """Words that a text seems to be about, the last first; two at least, whatever it says."""
    own = phrases(language)
    near = text[-_NEAR:]
    if language == "zh":
        words = [near[begin:end].strip("，。！？、；：") for begin, end in word_spans(near, "zh")]
        found = [word for word in words if _HAN.fullmatch(word)]
    else:
        found = _NOUN.findall(near) or _WORD.findall(near)
    kept = dict.fromkeys(word for word in reversed(found) if word.lower() not in own.no_terms)
    return tuple(kept) if len(kept) > 1 else (*kept, *own.terms)


def _filled(template: str, terms: Sequence[str], draws: Draws, index: int) -> str:
    first = draws.below(len(terms), index)
    second = terms[(first + 1) % len(terms)]
    return template.replace("{a}", terms[first]).replace("{b}", second)


def _fused(values: Values, language: str, draws: Draws) -> str:
    """A sound of hesitation, the transition, and the message word for word.

    As offline, the message's first letter may become small behind a comma.
    """
    own = phrases(language)
    message = _text(values, "message")
    transition = _text(values, "transition").strip()
    terms = terms_of(message, language)
    transition = _SLOT.sub(lambda _: terms[draws.below(len(terms), 1)], transition)
    leads = [lead for lead in own.leads if not transition.startswith(lead.rstrip("，,"))]
    lead = draws.pick(leads)
    if transition[:1].isupper() and transition.split(maxsplit=1)[0] not in {"I", "I'm", "I'd"}:
        transition = transition[0].lower() + transition[1:]
    opening = own.space.join(part for part in (lead, transition) if part)
    return join(opening, message, load_joining(language))


def _answer(question: str, language: str, draws: Draws) -> str:
    """Three to seven sentences about the question's words."""
    own = phrases(language)
    terms = terms_of(question, language)
    middle = 1 + draws.below(5)
    begin = draws.below(len(own.answer_then), 1)
    step = 1 + draws.below(3, 2)
    told = [own.answer_then[(begin + step * n) % len(own.answer_then)] for n in range(middle)]
    sentences = [draws.pick(own.answer_first, 3), *told, draws.pick(own.answer_last, 4)]
    return own.space.join(
        _filled(sentence, terms, draws, 10 + n) for n, sentence in enumerate(sentences)
    )


def _aside(values: Values, language: str, draws: Draws) -> Reply:
    """A question about a term just said; its answer, a bridge, and the rest to the byte."""
    own = phrases(language)
    term = terms_of(_text(values, "said"), language)[:1]
    rest = _text(values, "rest")
    bridge = draws.pick(own.aside_bridges, 2)
    answered = own.space.join([_filled(draws.pick(own.aside_answers, 1), term, draws, 3), bridge])
    between = "" if not rest or rest[0].isspace() else own.space
    return {
        "question": _filled(draws.pick(own.aside_questions), term, draws, 3),
        "resumption": f"{answered}{between}{rest}",
    }


def _statements(values: Values, count: int, language: str, draws: Draws) -> list[str]:
    """Remarks on the end of the history, no two alike while there are others."""
    own = phrases(language)
    terms = terms_of(_last_turns(values), language)
    made: list[str] = []
    for at in range(3 * count):
        text = _filled(draws.pick(own.statements, 2 * at), terms, draws, 2 * at + 1)
        # A strange word can make a question of a remark.
        if text not in made and fault(text, language) is None:
            made.append(text)
        if len(made) == count:
            return made
    plain, begin = own.plain_statements, draws.below(len(own.plain_statements), 6 * count)
    more = [plain[(begin + at) % len(plain)] for at in range(count - len(made))]
    return made + more


def _critique(values: Values, language: str, draws: Draws) -> Reply:
    """What code can see: a statement by rule 7, a fused message by its words."""
    own = phrases(language)
    text = _text(values, "text")
    if values.get("judged") == "fuse":
        words = re.findall(r"\w+", _text(values, "message").lower())
        ok = all(word in text.lower() for word in words)
    else:
        ok = fault(text, language) is None
    return {"ok": ok, "why": draws.pick(own.approvals if ok else own.disapprovals)}
