"""`duo`: the state tokens of DUO (section 2.3 of its paper).

Turns as in ordinary chat data. A user content ends in its state token; an
assistant content is what was heard, empty after a stop.
"""

from collections.abc import Sequence

import pyarrow as pa

from ..markers import STATE_TOKENS
from ..slice.schedule import SlicedScript
from .columns import MESSAGE, message_lists, row_schema, to_table

SCHEMA = row_schema(
    pa.field("messages", pa.list_(MESSAGE)),
    pa.field("states", pa.list_(pa.string())),
)


def render(sliced: Sequence[SlicedScript], _tail_idle: int) -> pa.Table:
    """A row a script; silence has no place in this format."""
    roles: list[str] = []
    contents: list[str] = []
    states: list[list[str | None]] = []
    starts: list[int] = []
    for one in sliced:
        row: list[str | None] = []
        for utterance in one.script.utterances:
            starts.append(len(row))
            content = utterance.text[: utterance.heard]
            if utterance.state is not None:
                content += STATE_TOKENS[utterance.state]
            roles.append(utterance.role)
            contents.append(content)
            row.append(utterance.state)
            if utterance.state == "stop":
                roles.append("assistant")
                contents.append("")
                row.append(None)
        states.append(row)
    messages = message_lists(
        [len(row) for row in states], pa.array(roles, pa.string()), pa.array(contents, pa.string())
    )
    return to_table(
        sliced,
        SCHEMA,
        {"messages": messages, "states": pa.array(states, pa.list_(pa.string()))},
        starts=starts,
        slices=[None] * len(starts),
    )
