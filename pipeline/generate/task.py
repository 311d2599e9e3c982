"""What a model gets to see of an ask, and what is kept from it.

Only the first part of a long text is sent; the rest is added to the reply as it stands, so
that a page of code behind a message costs nothing and comes back unchanged.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..dialogue import Ask, Utterance
from ..markers import undo

HEAD = 1600
"""Code points of a message, or of what an answer has left, that a model rewrites at most."""

HISTORY = 12_000
_LEAST_OF_A_TURN = 240
"""Code points of a history that are shown, and of each message of it where they are many."""

_GAP = " […] "
_ENDS = re.compile(r"\n|[.!?][\"')\]]*(?=\s)|[。！？；]")


@dataclass(frozen=True, slots=True)
class Task:
    """An ask as a prompt has it.

    Attributes:
        kind: of the ask, or `critique`.
        language: of the texts to be written.
        values: for the prompt; JSON values.
        tail: what the model does not see of the text that it rewrites.
    """

    kind: str
    language: str
    values: Mapping[str, Any]
    tail: str = ""

    @property
    def material(self) -> str:
        """All text that the values hold."""
        return "\n".join(_texts(self.values))


def task_of(ask: Ask, markers: tuple[str, ...]) -> Task:
    """The task that an ask comes to.

    Args:
        ask: of a kind that a model can be asked.
        markers: that are defused in the ask's history.
    """
    own, language = ask.values, ask.language
    if ask.kind == "fuse":
        head, tail = _parted(own["message"])
        values = {"transition": own["transition"], "message": head}
        return Task(ask.kind, language, _with(language, values), tail)
    history = messages_of(ask.history, markers)
    if ask.kind == "answer":
        values = {
            "history": history,
            "question": _clipped(own["question"], HISTORY),
            "refused_answer": _clipped(own["heard"], HISTORY // 4),
            "transition": own["transition"],
        }
        return Task(ask.kind, language, _with(language, values))
    if ask.kind == "aside":
        head, tail = _parted(own["rest"])
        values = {"history": history, "said": _last(own["said"]), "rest": head}
        return Task(ask.kind, language, _with(language, values), tail)
    values = {"history": history, "count": len(own["after"]), "after": list(own["after"])}
    return Task(ask.kind, language, _with(language, values))


def critique_of(task: Task, text: str, number: int) -> Task:
    """The task to judge a text that was written for another task.

    Args:
        task: the other.
        text: the text.
        number: of the text among those of the reply.
    """
    values = {"judged": task.kind, "text": text}
    if task.kind == "fuse":
        values["message"] = task.values["message"]
    else:
        values["history"] = task.values["history"][: task.values["after"][number] + 1]
    return Task("critique", task.language, _with(task.language, values))


def messages_of(history: Sequence[Utterance], markers: tuple[str, ...]) -> list[dict[str, str]]:
    """What was heard, as messages, each shortened where they are long or many."""
    most = max(_LEAST_OF_A_TURN, HISTORY // max(1, len(history)))
    return [
        {"role": one.role, "content": _clipped(undo(one.text[: one.heard], markers), most)}
        for one in history
    ]


def _with(language: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"language": language, **values}


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return []


def _clipped(text: str, most: int) -> str:
    """The begin and the end of a longer text."""
    if len(text) <= most:
        return text
    first = 2 * most // 3
    return f"{text[:first]}{_GAP}{text[len(text) - (most - first) :]}"


def _last(text: str) -> str:
    """The end of a longer text."""
    return text if len(text) <= HISTORY // 2 else _GAP.lstrip() + text[-HISTORY // 2 :]


def _parted(text: str) -> tuple[str, str]:
    """A text in two: up to the last sentence that ends within the head, and what follows."""
    if len(text) <= HEAD + HEAD // 4:
        return text, ""
    ends = [found.end() for found in _ENDS.finditer(text, HEAD // 4, HEAD)]
    at = ends[-1] if ends else 1 + text.rfind(" ", 0, HEAD) or HEAD
    head = text[:at].rstrip()
    return head, text[len(head) :]
