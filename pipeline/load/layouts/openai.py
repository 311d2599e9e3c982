"""OpenAI chat rows: `{"messages": [{"role", "content"}, ...]}`.

A content may be a list of parts: `{"type": "text"}` with `text` or `value`.
"""

from collections.abc import Mapping
from typing import Any

from .message import Layout, RawDialogue, RawRole, read_messages

ROLES: Mapping[str, RawRole] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}


def has_messages(row: Mapping[str, Any]) -> bool:
    """Whether a row has a list of messages."""
    return isinstance(row.get("messages"), list)


def read_chat(row: Mapping[str, Any], id_key: str) -> RawDialogue:
    """The dialogue of a row with `messages`."""
    return RawDialogue(row.get(id_key), *read_messages(row["messages"], "role", "content", ROLES))


LAYOUT = Layout(
    name="openai",
    shape='{"messages": [{"role", "content"}, ...]}',
    columns=("id", "messages"),
    fits=has_messages,
    read=lambda row: read_chat(row, "id"),
)
