"""UltraChat as released: `{"id": "0", "data": ["question", "answer", ...]}`."""

from itertools import cycle

from .message import Layout, Message, RawDialogue, RawRole

_ROLES: tuple[RawRole, RawRole] = ("user", "assistant")

LAYOUT = Layout(
    name="ultrachat",
    shape='{"id", "data": [user, assistant, ...]}',
    columns=("id", "data"),
    fits=lambda row: isinstance(row.get("data"), list),
    read=lambda row: RawDialogue(
        row.get("id"),
        tuple(map(Message, cycle(_ROLES), row["data"])),
    ),
)
