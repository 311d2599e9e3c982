"""Asks and replies: who writes what the source does not hold. A writer is one file and one line."""

from collections.abc import Callable
from dataclasses import dataclass

from ..dialogue import Ask, Reply, Script, Scripting
from .offline import offline_reply


@dataclass(frozen=True, slots=True)
class Writer:
    """Who replies, and whether a repeated question gets another answer than the source's."""

    reply: Callable[[Ask], Reply]
    answers_anew: bool


WRITERS: dict[str, Writer] = {"offline": Writer(offline_reply, answers_anew=False)}


def finish(scripting: Scripting, reply: Callable[[Ask], Reply]) -> Script:
    """Runs a script in the making to its end, answering each ask at once."""
    try:
        ask = next(scripting)
        while True:
            ask = scripting.send(reply(ask))
    except StopIteration as done:
        script: Script = done.value
        return script
