"""A raw reply as the JSON value that was asked for, out of whatever stands around it."""

import json
import re
from functools import lru_cache
from typing import Any

from .prompts import reply_schema

_MOST_BEGINS = 20
"""Places at which the value is looked for, so that a long reply of braces costs little."""


class Unfit(Exception):  # noqa: N818  # what a reply is, not an error of ours
    """A reply cannot be used.

    Attributes:
        fault: its name; the prompts say it in words.
        detail: what exactly, for a reader; may be empty.
    """

    def __init__(self, fault: str, detail: str = "") -> None:
        """Makes it."""
        super().__init__(f"{fault}: {detail}" if detail else fault)
        self.fault = fault
        self.detail = detail


def content_of(raw: str) -> tuple[str, str | None]:
    """The text of a raw reply, as far as there is one, and its fault if it has one.

    Args:
        raw: a response body of Chat Completions.

    Returns:
        What the model wrote, and the name of what is wrong with it as a whole.
    """
    choices = json.loads(raw).get("choices") or []
    choice = choices[0] if isinstance(choices[0] if choices else None, dict) else {}
    message = choice.get("message") or {}
    content = _text(message.get("content"))
    reason = choice.get("finish_reason")
    if message.get("refusal") or reason == "content_filter":
        return content or _text(message.get("refusal")), "refusal"
    if reason == "length":
        return content, "cut_off"
    return content, None if content.strip() else "no_choices"


def _text(content: object) -> str:
    if isinstance(content, list):  # in parts, as some servers send it
        parts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(part for part in parts if isinstance(part, str))
    # Lone surrogates, of a reply that was cut, could not be sent back.
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def parsed(content: str, kind: str) -> dict[str, Any]:
    """The JSON object in a model's text: alone, fenced, or with prose around it.

    Raises:
        Unfit: none is there, or none of the kind's form.
    """
    validator, fault = _validator(kind), "not_json"
    decoder = json.JSONDecoder()
    begins = [found.start() for found in re.finditer(r"\{", content)][:_MOST_BEGINS]
    for begin in begins:
        try:
            value, _end = decoder.raw_decode(content, begin)
        except (ValueError, RecursionError):
            continue
        if validator.is_valid(value):
            found: dict[str, Any] = value
            return found
        fault = "wrong_shape"
    raise Unfit(fault, content[:80])


@lru_cache(maxsize=8)
def _validator(kind: str) -> Any:
    import jsonschema

    return jsonschema.Draft202012Validator(reply_schema(kind))
