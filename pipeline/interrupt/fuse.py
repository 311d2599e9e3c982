"""Asking for a transition and a message as one utterance."""

from collections.abc import Generator

from ..dialogue import SOURCE, Ask, Reply


def fused(language: str, transition: str, message: str) -> Generator[Ask, Reply, tuple[str, str]]:
    """The text of a cut-in, and its origin; used with `yield from`.

    The empty transition is never fused: the user just speaks, and the text is the source's.
    """
    if not transition:
        return message, SOURCE
    values = {"transition": transition, "message": message.strip()}
    reply = yield Ask("fuse", language, values)
    return reply.text, reply.origin
