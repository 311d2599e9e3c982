"""What can be wrong with a model's reply: each fault by name, and how it comes about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from ...chance import Chance
from .texts import Phrases, Reply, Values, language_of, phrases, write


@dataclass(frozen=True, slots=True)
class Message:
    """The assistant's message of a choice.

    Attributes:
        content: the text, None beside a refusal.
        finish_reason: `stop`, or `length` for a text that was cut off.
        refusal: what a server says in its own field instead of a content.
    """

    content: str | None
    finish_reason: str = "stop"
    refusal: str | None = None


Spoil = Callable[[Reply, Values, Chance], Message | None]
"""From a reply without fault to a message with one; None is a response without choices."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a reply goes wrong.

    Attributes:
        kinds: the kinds of reply that it fits.
        spoil: makes it.
    """

    kinds: frozenset[str]
    spoil: Spoil


def dumps(reply: Reply) -> str:
    """The content of a message: the reply as JSON."""
    return orjson.dumps(reply).decode()


def _invalid_json(reply: Reply, _values: Values, _chance: Chance) -> Message:
    return Message(dumps(reply).replace('":', '" ', 1))


def _length(reply: Reply, _values: Values, chance: Chance) -> Message:
    content = dumps(reply)
    kept = 1 + chance.of("length").below(len(content) - 1)
    return Message(content[:kept], "length")


def _no_choices(_reply: Reply, _values: Values, _chance: Chance) -> None:
    return None


def _refusal(_reply: Reply, values: Values, chance: Chance) -> Message:
    return Message(None, refusal=chance.of("refusal").pick(phrases(language_of(values)).refusals))


def _wrong_shape(reply: Reply, _values: Values, _chance: Chance) -> Message:
    return Message(dumps({"response": reply}))


def _prose(reply: Reply, values: Values, chance: Chance) -> Message:
    own, draws = phrases(language_of(values)), chance.of("prose")
    content = dumps(reply)
    before, after = draws.pick(own.before_json, 1), draws.pick(own.after_json, 2)
    fences = ("```json\n{}\n```", "```\n{}\n```", "{}") if before else ("```json\n{}\n```",)
    fenced = draws.pick(fences).replace("{}", content)
    return Message("\n\n".join(part for part in (before, fenced, after) if part))


def _wrong_language(reply: Reply, values: Values, chance: Chance) -> Message:
    other = "en" if language_of(values) == "zh" else "zh"
    kind = "statement" if "statements" in reply else "aside" if "question" in reply else "answer"
    return Message(dumps(write(kind, {"language": other, "count": values.get("count")}, chance)))


def _spoiling(change: Callable[[str, Phrases, Chance], str]) -> Spoil:
    """A fault of the text: of a reply's only one, or of one or all of several."""

    def spoil(reply: Reply, values: Values, chance: Chance) -> Message:
        own = phrases(language_of(values))
        texts = reply.get("statements") or list(reply.values())
        which = chance.of("which").below(len(texts) + 1)
        changed = [
            change(text, own, chance) if at == which or which == len(texts) else text
            for at, text in enumerate(texts)
        ]
        if "statements" in reply:
            return Message(dumps({"statements": changed}))
        return Message(dumps(dict(zip(reply, changed, strict=True))))

    return spoil


def _with_control_token(text: str, _own: Phrases, chance: Chance) -> str:
    draws = chance.of("control token")
    token = draws.pick(("<idle>", "<1>", "<2>", "</s>", "<AI>"))
    at = draws.below(len(text) + 1, 1)
    return text[:at] + token + text[at:]


def _with_slot(text: str, own: Phrases, chance: Chance) -> str:
    draws = chance.of("slot")
    slot = draws.pick(("{topic}", "{message}", "{sentence}", "{n}"))
    return draws.pick((f"{text}{own.space}{slot}", f"{slot}{own.space}{text}"), 1)


def _empty(_text: str, _own: Phrases, chance: Chance) -> str:
    return chance.of("empty").pick(("", " ", "\n", "..."))


def _question(_text: str, own: Phrases, chance: Chance) -> str:
    return chance.of("question").pick(own.questions)


def _refusal_as_text(_text: str, own: Phrases, chance: Chance) -> str:
    return chance.of("refusal").pick(own.refusals)


def _of_itself(_text: str, own: Phrases, chance: Chance) -> str:
    return chance.of("of itself").pick(own.of_itself)


def _lost_words(_text: str, own: Phrases, chance: Chance) -> str:
    return chance.of("lost words").pick(own.vague)


def _endless(text: str, own: Phrases, _chance: Chance) -> str:
    return own.space.join([text or "."] * (1 + 20_000 // (len(text) + 1)))


_WORDED = frozenset({"fuse", "answer", "aside", "statement"})
_JSON = _WORDED | {"critique"}

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "invalid_json": Fault(_JSON, _invalid_json),
        "length": Fault(_JSON, _length),
        "no_choices": Fault(_JSON | {"chat"}, _no_choices),
        "refusal": Fault(_JSON | {"chat"}, _refusal),
        "refusal_as_text": Fault(_WORDED, _spoiling(_refusal_as_text)),
        "wrong_shape": Fault(_JSON, _wrong_shape),
        # Harmless to a reader that takes the JSON out of what surrounds it.
        "prose_around_json": Fault(_JSON, _prose),
        "question": Fault(frozenset({"statement"}), _spoiling(_question)),
        "wrong_language": Fault(_WORDED, _wrong_language),
        "control_token": Fault(_WORDED, _spoiling(_with_control_token)),
        "leftover_slot": Fault(_WORDED, _spoiling(_with_slot)),
        "empty_text": Fault(_WORDED, _spoiling(_empty)),
        "talk_of_being_a_model": Fault(_WORDED, _spoiling(_of_itself)),
        "lost_words": Fault(frozenset({"fuse"}), _spoiling(_lost_words)),
        "endless": Fault(_WORDED, _spoiling(_endless)),
    }
)
"""The faults of content, by name; faults of transport are a server's."""
