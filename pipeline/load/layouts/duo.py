"""Rows of duplexdata's own format duo: back to the scripts that they were rendered from."""

from collections import Counter

from ...dialogue import Utterance
from ...markers import STATE_TOKENS
from ..rejects import Reject
from .script import (
    OWN_COLUMNS,
    Part,
    RawScript,
    ScriptLayout,
    Values,
    contents_of,
    finished_script,
    has_utterances,
    parts_of,
)


def _read(row: Values, _stem: str, _forced: str) -> RawScript:
    contents = contents_of(row["messages"], alternating=False)
    utterances: list[Utterance] = []
    for part in parts_of(row):
        if not 0 <= part.start < len(contents):
            raise Reject("broken_script", f"there is no message {part.start}")
        if part.role == "user":
            utterances.append(_user(part, contents, utterances))
        else:
            text = contents[part.start]
            utterances.append(
                Utterance(
                    "assistant", text + part.unheard, len(text), -1, None, part.kind, part.origin
                )
            )
    return finished_script(row, utterances, Counter())


def _user(part: Part, contents: list[str], utterances: list[Utterance]) -> Utterance:
    """A user's utterance; a statement over an answer gives the answer its second part."""
    token = STATE_TOKENS.get(str(part.state))
    content = contents[part.start]
    if token is None or not content.endswith(token):
        raise Reject("broken_script", f"message {part.start} does not end in its state's token")
    text = content.removesuffix(token)
    at = -1
    if part.over:
        if not utterances or utterances[-1].role != "assistant":
            raise Reject("broken_script", f"message {part.start} begins over no answer")
        answer = utterances[-1]
        at = answer.heard
        if part.state == "statement":
            if part.start + 1 >= len(contents):
                raise Reject("broken_script", f"nothing goes on after message {part.start}")
            whole = answer.text + contents[part.start + 1]
            utterances[-1] = answer._replace(text=whole, heard=len(whole))
    return Utterance("user", text, len(text), at, part.state, part.kind, part.origin)  # type: ignore[arg-type]


LAYOUT = ScriptLayout(
    name="duo",
    shape='{"id", "type", "messages": [{"role", "content"}, ...], "states", "utterances"}',
    columns=(*OWN_COLUMNS, "messages"),
    fits=lambda row: has_utterances(row, "messages"),
    read=_read,
)
