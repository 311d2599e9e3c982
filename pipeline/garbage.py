"""Memory: Python's collector of cycles, out of the way of code that makes none, and what is free.

A block is some hundred thousand small objects that refer to each other one way, and are
gone with the last reference to them. Looking for cycles among them again and again takes
a sixth of a build; looking once a block is enough.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_by_hand() -> Iterator[None]:
    """Within, cycles are looked for only where `collect` is called."""
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


def collect() -> None:
    """Looks for cycles among what is new, where the collector does not look by itself."""
    if not gc.isenabled():
        gc.collect(0)


def give_back() -> None:
    """Gives memory that is free back to the system, as far as arrow's allocator can."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
