"""This machine's cores."""

import os


def available_cores() -> int:
    """The cores that this process may use; fewer than there are on a shared node."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
