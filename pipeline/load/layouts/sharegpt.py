"""ShareGPT: `{"conversations": [{"from": "human", "value": "..."}, ...]}`."""

from collections.abc import Mapping

from .message import Layout, RawDialogue, RawRole, read_messages

ROLES: Mapping[str, RawRole] = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "system": "system",
    "tool": "tool",
    "function_call": "tool",
    "observation": "tool",
}

LAYOUT = Layout(
    name="sharegpt",
    shape='{"conversations": [{"from", "value"}, ...]}',
    columns=("id", "conversations"),
    fits=lambda row: isinstance(row.get("conversations"), list),
    read=lambda row: RawDialogue(
        row.get("id"), *read_messages(row["conversations"], "from", "value", ROLES)
    ),
)
