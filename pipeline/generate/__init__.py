"""Asks and replies: who writes what the source does not hold. A writer is one file and one line."""

from collections.abc import Callable

from ..dialogue import Ask, Reply, Script, Scripting
from .offline import offline_reply

Writer = Callable[[Ask], Reply]

WRITERS: dict[str, Writer] = {"offline": offline_reply}


def finish(scripting: Scripting, writer: Writer) -> Script:
    """Runs a script in the making to its end, answering each ask at once."""
    try:
        ask = next(scripting)
        while True:
            ask = scripting.send(writer(ask))
    except StopIteration as done:
        script: Script = done.value
        return script
