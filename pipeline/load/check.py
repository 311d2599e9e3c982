"""From a raw row to texts in turn: what is dropped and counted, and what rejects the row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..dialogue import ROLES
from .layouts.message import RawRole, in_turn
from .rejects import Reject


class Checked(NamedTuple):  # a tuple is made three times as fast, and these are millions
    """The texts of a usable row in UTF-8, and how many of its messages were dropped.

    Attributes:
        texts: in turn, the user's first.
        system_messages: that were dropped.
        trailing_user_turns: the same.
    """

    texts: list[bytes]
    system_messages: int
    trailing_user_turns: int


def check_messages(
    roles: Sequence[RawRole], contents: Sequence[Any], max_characters: int
) -> Checked:
    """The texts of a dialogue: user first, alternating, each answered, nothing empty.

    Args:
        roles: of the messages, as the layout read them.
        contents: of the messages.
        max_characters: of all turns together; 0 is no bound.

    Raises:
        Reject: the dialogue cannot be used.
    """
    system = 0
    if "system" in roles:
        spoken = [number for number, role in enumerate(roles) if role != "system"]
        system = len(roles) - len(spoken)
        roles, contents = [roles[one] for one in spoken], [contents[one] for one in spoken]
    # A question at the end that nobody answered is left out; it changes no other turn.
    trailing = int(len(roles) > 1 and roles[-1] == "user" and roles[-2] == "assistant")
    if trailing:
        roles, contents = roles[:-1], contents[:-1]
    turns = in_turn(len(roles))
    usual = roles is turns or tuple(roles) == turns
    try:
        # What is no text, or has half a surrogate pair, is looked for turn by turn.
        usual = usual and "" not in contents and not any(map(str.isspace, contents))
        texts = [content.encode() for content in contents] if usual else None
    except (TypeError, AttributeError, UnicodeEncodeError):
        texts = None
    if texts is None:
        contents = _texts(roles, contents)
        texts = [text.encode() for text in contents]
    if len(texts) < 2:
        raise Reject("no_answer", f"{len(texts)} turn" + "s" * (len(texts) != 1))
    if max_characters:
        length = sum(map(len, contents))
        if length > max_characters:
            raise Reject("too_long", f"{length} characters")
    return Checked(texts, system, trailing)


def _texts(roles: Sequence[RawRole], contents: Sequence[Any]) -> list[str]:
    """The texts of messages, each looked at; raises Reject for the first that will not do."""
    texts = []
    for number, (told, content) in enumerate(zip(roles, contents, strict=True)):
        role = ROLES[number % 2]
        if told != role:
            raise Reject("roles_out_of_order", f"turn {number + 1} is the {told}'s")
        texts.append(_text(content, number + 1))
    return texts


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
