"""ultrachat_200k: chat rows whose id is `prompt_id`."""

from .message import Layout
from .openai import has_messages, read_chat

LAYOUT = Layout(
    name="ultrachat_200k",
    shape='{"prompt_id", "prompt", "messages": [{"role", "content"}, ...]}',
    columns=("prompt_id", "messages"),
    fits=lambda row: "prompt_id" in row and has_messages(row),
    read=lambda row: read_chat(row, "prompt_id"),
)
