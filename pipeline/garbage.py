"""Memory: Python's collector of cycles, out of the way of code that makes none, and what is free.

A block is some hundred thousand small objects that refer to each other one way, and are
gone with the last reference to them. Looking for cycles among them again and again takes
a sixth of a build; looking once a block is enough. Free memory that lies between what is
in use stays with the process unless it is asked for, and would become more with every block.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count

SELDOM = 8
"""Tasks after which cycles are looked for among all objects, and free memory is given back."""

LARGE = 1 << 20
"""Bytes: less than a block or a part of a file, and more than what comes again and again."""

LARGE_OF_ROWS = 4 << 20
"""The same where rows are made: less than a row group's texts, more than those of its parts."""

_THRESHOLD = -3  # M_MMAP_THRESHOLD


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """Within, cycles are looked for only where `tidy` is called."""
    if not gc.isenabled():
        yield
        return
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def tidy() -> None:
    """After a task: lets go of cycles, if nobody looks for them else, and at times of free memory.

    Not every time, for what is given back must be had again. And most cycles are among the
    objects made since the last time; among those that were in use then, they are seldom.
    """
    seldom = next(_times()) % SELDOM == 0
    if not gc.isenabled():
        gc.collect(2 if seldom else 0)
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and seldom:
        arrow.default_memory_pool().release_unused()


def give_large_back(least: int) -> None:
    """From here on, memory of what is large goes back to the system as soon as it is free.

    By itself glibc learns from the first large piece that is free to put the next ones among
    all else, where the small pieces that come between keep them from going back. New memory
    takes time: who makes many large pieces and few small ones had better not call this.

    Args:
        least: bytes of what is large.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc, not of musl
        if mallopt is not None:
            mallopt(_THRESHOLD, least)


@lru_cache(maxsize=1)
def _times() -> Iterator[int]:
    """Counts how often this process was tidied up."""
    return count(1)
