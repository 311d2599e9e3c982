"""UltraChat as released: `{"id": "0", "data": ["question", "answer", ...]}`."""

from .message import Layout, Message, RawDialogue

LAYOUT = Layout(
    name="ultrachat",
    shape='{"id", "data": [user, assistant, ...]}',
    columns=("id", "data"),
    fits=lambda row: isinstance(row.get("data"), list),
    read=lambda row: RawDialogue(
        row.get("id"),
        tuple(
            Message("assistant" if number % 2 else "user", text)
            for number, text in enumerate(row["data"])
        ),
    ),
)
