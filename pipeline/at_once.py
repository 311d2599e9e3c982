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

_MATTERS = {"-h", "--config", "--help", "--limit", "--llm", "--tokenizer"}
"""Flags by which they may not be needed, or need something else."""


def begin_workers_of(words: Sequence[str]) -> None:
    """Begins workers with what the default recipe names, if a command surely takes them.

    That is a build of a large file, or the validation of large files, with no flag that matters.

    Args:
        words: of the command, its name first.
    """
    if not _MATTERS.isdisjoint(word.partition("=")[0] for word in words):
        return
    with suppress(OSError, ValueError):  # what is wrong is told where it is looked at
        if words[:1] == ["build"]:
            if sum(os.stat(one).st_size for one in _given(words, "--source")) > LARGE:  # noqa: PTH116
                from .engine.server import start_server

                if _workers(words) > 1:
                    start_server(WARM, None)
        elif words[:1] == ["validate"] and len(words) > 1:
            from .row_workers import begin_row_workers

            begin_row_workers(words[1], None, _workers(words))


def _workers(words: Sequence[str]) -> int:
    """How many workers a command may have."""
    from .engine.cores import available_cores

    *_, workers = available_cores(), *map(int, _given(words, "--workers"))
    return workers


def _given(words: Sequence[str], flag: str) -> Iterator[str]:
    """The values of a flag."""
    following = iter(words)
    for word in following:
        if word == flag:
            yield next(following, "")
        elif word.startswith(f"{flag}="):
            yield word.partition("=")[2]
