"""A raw reply as the JSON value that was asked for, out of whatever stands around it."""

import json
import re
from functools import lru_cache
from typing import Any

from .prompts import reply_schema

_MOST_BEGINS = 20
"""Places at which the value is looked for, from the end, so that a long reply costs little."""

_AN_OBJECT = re.compile(r'\{\s*["}]')
_END_OF_REASONING = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
# Not strict: models write line breaks into strings as they are.
_DECODER = json.JSONDecoder(strict=False)


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
    choices = _object(json.loads(raw)).get("choices")
    choice = _object(choices[0] if isinstance(choices, list) and choices else None)
    message = _object(choice.get("message"))
    content = _text(message.get("content"))
    reason = choice.get("finish_reason")
    if message.get("refusal") or reason == "content_filter":
        return content or _text(message.get("refusal")), "refusal"
    if reason == "length":
        return content, "cut_off"
    return content, None if content.strip() else "no_choices"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(content: object) -> str:
    if isinstance(content, list):  # in parts, as some servers send it
        parts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(part for part in parts if isinstance(part, str))
    # Lone surrogates, of a reply that was cut, could not be sent back.
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""


def parsed(content: str, kind: str) -> dict[str, Any]:
    """The JSON object in a model's text: alone, fenced, with prose or reasoning around it.

    Of several the last counts: those before it are drafts. One that reasoning ends behind is
    a draft too.

    Raises:
        Unfit: none is there, or none of the kind's form, or its texts are no text.
    """
    validator, begin_of_one = _form(kind)
    begins = [found.start() for found in begin_of_one.finditer(content)][-_MOST_BEGINS:]
    for begin in reversed(begins):
        value, end = _decoded(content, begin)
        if validator.is_valid(value):
            if _END_OF_REASONING.search(content, end):
                raise Unfit("not_json", "a draft, and nothing behind it")
            return _sendable(value)
    begins += [found.start() for found in [_AN_OBJECT.search(content)] if found]
    is_json = any(_decoded(content, begin)[0] is not None for begin in begins)
    raise Unfit("wrong_shape" if is_json else "not_json", content[:80])


def _decoded(content: str, begin: int) -> tuple[Any, int]:
    """The value that begins at a place, and where it ends; None if there is none."""
    try:
        return _DECODER.raw_decode(content, begin)
    except (ValueError, RecursionError):
        return None, begin


def _sendable(value: dict[str, Any]) -> dict[str, Any]:
    """The value, unless it spells half a character, which no file and no server takes."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Unfit("not_text", "a lone surrogate") from error
    return value


@lru_cache(maxsize=8)
def _form(kind: str) -> tuple[Any, re.Pattern[str]]:
    """What a reply of a kind has to be, and what it begins with: one of its own keys.

    No text in such a reply looks like its begin, for the quotation marks in it are escaped.
    """
    import jsonschema

    schema = reply_schema(kind)
    keys = "|".join(re.escape(key) for key in schema["properties"])
    begin = re.compile(rf'\{{\s*"(?:{keys})"\s*:')
    return jsonschema.Draft202012Validator(schema), begin
