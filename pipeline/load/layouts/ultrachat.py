"""UltraChat as released: `{"id": "0", "data": ["question", "answer", ...]}`."""

from itertools import cycle

from ...dialogue import ROLES
from .message import Layout, Message, RawDialogue

LAYOUT = Layout(
    name="ultrachat",
    shape='{"id", "data": [user, assistant, ...]}',
    columns=("id", "data"),
    fits=lambda row: isinstance(row.get("data"), list),
    read=lambda row: RawDialogue(
        row.get("id"),
        tuple(map(Message, cycle(ROLES), row["data"])),
    ),
)
