"""Worker processes, begun before the flags of a command can be told apart.

Light to import, for it comes first of all. Where it is not sure, `ahead` looks at the recipe a
tenth of a second later.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

LARGE = 2_000_000
"""Bytes of sources, packed or not, from which on worker processes are started at once."""

WARM = f"{__package__}.warm"
"""What they import before they are forked."""

_MATTERS = {"-h", "--config", "--help", "--limit", "--llm", "--tokenizer", "--workers"}
"""Flags by which they may not be needed, or need something else."""


def begin_workers_of(words: Sequence[str]) -> None:
    """Begins workers with what the default recipe names, if a command surely takes them.

    That is a build of a large file with no flag that matters.

    Args:
        words: of the command, its name first.
    """
    if words[:1] != ["build"] or not _MATTERS.isdisjoint(word.partition("=")[0] for word in words):
        return
    with suppress(OSError, ValueError):  # what is wrong with a source is told where it is read
        if sum(os.stat(source).st_size for source in _sources(words)) > LARGE:  # noqa: PTH116
            from .engine.cores import available_cores
            from .engine.server import start_server

            if available_cores() > 1:
                start_server(WARM, None)


def _sources(words: Sequence[str]) -> Iterator[str]:
    following = iter(words)
    for word in following:
        if word == "--source":
            yield next(following, "")
        elif word.startswith("--source="):
            yield word.partition("=")[2]
