"""From a raw row to turns: what is dropped and counted, and what rejects the row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..dialogue import Turn, turns_of
from .layouts.message import Message
from .rejects import Reject


class Checked(NamedTuple):  # a tuple is made three times as fast, and these are millions
    """The turns of a usable row, and how many of its messages were dropped."""

    turns: tuple[Turn, ...]
    system_messages: int
    trailing_user_turns: int


def check_messages(messages: Sequence[Message], max_characters: int) -> Checked:
    """The turns of a dialogue: user first, alternating, each answered, nothing empty.

    Args:
        messages: as the layout read them.
        max_characters: of all turns together; 0 is no bound.

    Raises:
        Reject: the dialogue cannot be used.
    """
    spoken = [message for message in messages if message[0] != "system"]
    system = len(messages) - len(spoken)
    trailing = 0
    # A question at the end that nobody answered is left out; it changes no other turn.
    if len(spoken) > 1 and spoken[-1].role == "user" and spoken[-2].role == "assistant":
        spoken.pop()
        trailing = 1
    texts = []
    for number, (told, content) in enumerate(spoken):
        role = "assistant" if number % 2 else "user"
        if told != role:
            raise Reject("roles_out_of_order", f"turn {number + 1} is the {told}'s")
        usual = type(content) is str and content.isascii() and content and not content.isspace()
        texts.append(content if usual else _text(content, number + 1))
    if len(texts) < 2:
        raise Reject("no_answer", f"{len(texts)} turn" + "s" * (len(texts) != 1))
    if max_characters:
        length = sum(map(len, texts))
        if length > max_characters:
            raise Reject("too_long", f"{length} characters")
    return Checked(turns_of(texts), system, trailing)


def _text(content: Any, number: int) -> str:
    """The text of a content; a list of text parts is joined as it is."""
    if isinstance(content, list):
        content = "".join(_part_text(part, number) for part in content)
    if content is None:
        raise Reject("empty_content", f"turn {number} is missing or null")
    if not isinstance(content, str):
        raise Reject("not_text", f"turn {number} is of type {type(content).__name__}")
    if not content.strip():
        raise Reject("empty_content", f"turn {number}")
    try:
        content.encode()
    except UnicodeEncodeError as error:
        point = f"U+{ord(content[error.start]):04X}"
        raise Reject("not_text", f"turn {number} holds {point}, half a surrogate pair") from None
    return content


def _part_text(part: Any, number: int) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        text = part.get("text")
        if text is None:
            text = part.get("value")
        if isinstance(text, str):
            return text
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    kind = kind if isinstance(kind, str) else type(kind).__name__
    raise Reject("content_parts", f"turn {number} has a part of type {kind[:40]!r}")
