"""The fake engine: a seeded stand-in for a model, with faults on demand.

It takes the body of a Chat Completions request and gives the body of a response. What
it writes, its faults too, depends on the request's body and the seed alone: whoever asks
the same thing gets the same words, over whatever transport, in whatever order.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from ...chance import Chance
from .faults import FAULTS, Message, dumps
from .texts import KINDS, Values, write

CREATED = 1767225600
"""The time in every response: the same request has the same bytes at any time."""

_ASKED_WITH = {
    "fuse": {"transition", "message"},
    "answer": {"question", "history"},
    "aside": {"said", "rest"},
    "statement": {"history", "count"},
    "critique": {"judged", "text"},
}


@dataclass(frozen=True, slots=True)
class Fake:
    """A response of the engine.

    Attributes:
        raw: the response body, JSON of a chat completion.
        fault: what is wrong with its content, a name in `FAULTS`; None if nothing is.
        kind: what the engine took the request for, one of `KINDS`.
        prompt_tokens: as in the response's `usage`.
        completion_tokens: as in the response's `usage`.
    """

    raw: str
    fault: str | None
    kind: str
    prompt_tokens: int
    completion_tokens: int


def digest_of(body: Mapping[str, Any]) -> str:
    """What stands for a request's body, whatever the order of its keys: 32 hex digits."""
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return blake2b(canonical, digest_size=16).hexdigest()


def answer(
    body: Mapping[str, Any], seed: int = 0, faults: float = 0.0, only: Collection[str] = ()
) -> Fake:
    """The response to a request.

    Args:
        body: the request, as Chat Completions defines it. The kind of reply is the name
            of its schema or else what the values in its first user message are.
        seed: another seed, other words and other faults.
        faults: the share of requests, from 0 to 1, whose reply has a fault of content,
            each fault that fits the kind as likely.
        only: the faults to choose from; all, if empty.

    Raises:
        ValueError: a name in `only` is no fault.
    """
    unknown = sorted(set(only) - set(FAULTS))
    if unknown:
        raise ValueError(f"no such fault: {', '.join(unknown)}; known: {', '.join(FAULTS)}")
    digest = digest_of(body)
    chance = Chance(seed, (digest,))
    messages = body.get("messages", ())
    values = _values(messages)
    kind = _kind(body.get("response_format"), values)
    reply = write(kind, values, chance)
    fault = _fault(kind, chance, faults, only)
    if fault:
        message = FAULTS[fault].spoil(reply, values, chance)
    else:
        message = Message(reply["text"] if kind == "chat" else dumps(reply))
    prompt_tokens = _tokens(_content(message) for message in messages)
    completion_tokens = _tokens([(message.content or message.refusal or "") if message else ""])
    response = {
        "id": f"chatcmpl-{digest}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model", ""),
        "choices": [] if message is None else [_choice(message)],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }
    raw = orjson.dumps(response).decode()
    return Fake(raw, fault, kind, prompt_tokens, completion_tokens)


def _values(messages: Iterable[Any]) -> Values:
    """The values of the prompt: the JSON object in the first message of the user."""
    for message in messages:
        if message.get("role") == "user":
            try:
                values = json.loads(_content(message))
            except ValueError:
                return {}
            return values if isinstance(values, dict) else {}
    return {}


def _content(message: Mapping[str, Any]) -> str:
    """The text of a message, whole or in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content if isinstance(content, str) else ""


def _kind(form: Any, values: Values) -> str:
    """What is asked for; a server without schemas sees it in the values."""
    if isinstance(form, dict) and form.get("type") == "json_schema":
        name = form["json_schema"].get("name")
        if name in KINDS:
            return str(name)
    return next((kind for kind, names in _ASKED_WITH.items() if names <= values.keys()), "chat")


def _fault(kind: str, chance: Chance, share: float, only: Collection[str]) -> str | None:
    draws = chance.of("fault")
    if draws.fraction() >= share:
        return None
    fitting = [name for name in FAULTS if kind in FAULTS[name].kinds and (not only or name in only)]
    return draws.pick(fitting, 1) if fitting else None


def _tokens(texts: Iterable[str]) -> int:
    """About as many tokens as a tokenizer would count: four bytes each."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) // 4


def _choice(message: Message) -> dict[str, Any]:
    return {
        "index": 0,
        "message": {"role": "assistant", "content": message.content, "refusal": message.refusal},
        "logprobs": None,
        "finish_reason": message.finish_reason,
    }
