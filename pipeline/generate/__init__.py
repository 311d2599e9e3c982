"""Asks and replies: who writes what the source does not hold."""

from collections.abc import Callable
from dataclasses import dataclass

from ..dialogue import Ask, Reply, Script, Scripting

REPLY_REFUSED = "reply_refused"
REQUEST_FAILED = "request_failed"
"""Why a row is left out: no reply to one of its asks could be used, or none came."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who replies.

    Attributes:
        asks: whether a model is asked, so that replies come later.
        answers_anew: whether a repeated question gets another answer than the source's.
    """

    asks: bool
    answers_anew: bool


WRITERS: dict[str, Writer] = {
    "offline": Writer(asks=False, answers_anew=False),
    "openai": Writer(asks=True, answers_anew=True),
    "fake": Writer(asks=True, answers_anew=True),
}


def finish(scripting: Scripting, reply: Callable[[Ask], Reply]) -> Script:
    """Runs a script in the making to its end, answering each ask at once."""
    try:
        ask = next(scripting)
        while True:
            ask = scripting.send(reply(ask))
    except StopIteration as done:
        script: Script = done.value
        return script
