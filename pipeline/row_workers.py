"""Worker processes that validate rows, begun before this process imports what they need.

Light to import, as `at_once` is.
"""

import json
from contextlib import suppress
from pathlib import Path

from .engine.server import start_server

LARGE = 4_000_000
"""Bytes of rows from which on they are worth it: some 3,000 rows of chat, or half a second."""

_WARM = f"{__package__}.warm_rows"
_ROWS = (".parquet", ".jsonl", ".gz")


def begin_row_workers(path: str | Path, tokenizer: str | None, workers: int) -> int:
    """Begins the workers that validate rows, if there are enough of them.

    Args:
        path: of the rows, or of the run around them.
        tokenizer: theirs, if it was given.
        workers: how many there may be.

    Returns:
        How many to use: one is this process.

    Raises:
        OSError: what is there cannot be looked at.
    """
    place = Path(path)
    if workers <= 1 or _size(place) <= LARGE:
        return 1
    start_server(_WARM, [tokenizer or _tokenizer_of(place)])
    return workers


def _size(place: Path) -> int:
    """The bytes of the files that hold rows, as far as they can be parted among processes.

    A stage's folder is not, nor is a single file of lines.
    """
    if not place.is_dir():
        return place.stat().st_size if place.suffix == ".parquet" else 0
    if (place / "stage.json").exists():
        return 0
    inner = place / "data" if (place / "data").is_dir() else place
    return sum(one.stat().st_size for one in inner.iterdir() if one.name.endswith(_ROWS))


def _tokenizer_of(place: Path) -> str | None:
    """What the manifest of a run's folder names, if there is one."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return str(json.loads((place / "manifest.json").read_bytes())["recipe"]["tokenizer"])
    return None
