"""UltraChat as released: `{"id": "0", "data": ["question", "answer", ...]}`."""

from .message import Layout, RawDialogue, in_turn

LAYOUT = Layout(
    name="ultrachat",
    shape='{"id", "data": [user, assistant, ...]}',
    columns=("id", "data"),
    fits=lambda row: isinstance(row.get("data"), list),
    read=lambda row: RawDialogue(row.get("id"), in_turn(len(row["data"])), row["data"]),
)
