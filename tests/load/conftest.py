"""Reading sources in a test: files are written, and read as a build reads them."""

import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.load.block import Block
from duplexdata.pipeline.load.reading import Reading
from duplexdata.pipeline.recipe import Recipe

ReadSources = Callable[..., tuple[list[Dialogue], Reading]]


@pytest.fixture(scope="session")
def read_sources() -> ReadSources:
    """Reads sources with the knobs that are given; gives the dialogues kept and the reading."""

    def read(
        *sources: str | Path, say: Callable[[str], None] = lambda _: None, **knobs: Any
    ) -> tuple[list[Dialogue], Reading]:
        recipe = Recipe(format="tdm", source=tuple(map(str, sources)), **knobs)
        reading = Reading(recipe, say)
        blocks = [block for block in reading.blocks() if isinstance(block, Block)]
        return [one for block in blocks for one in block.dialogues], reading

    return read


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory, read_sources: ReadSources) -> ReadSources:
    """Reads one file of this content: bytes, text, or rows that are written a line each."""
    folder = tmp_path_factory.mktemp("sources")
    numbers = count()

    def read_content(
        content: bytes | str | Sequence[Any], name: str = "rows.jsonl", **knobs: Any
    ) -> tuple[list[Dialogue], Reading]:
        if not isinstance(content, bytes | str):
            content = "".join(json.dumps(row) + "\n" for row in content)
        place = folder / str(next(numbers))
        place.mkdir()
        file = place / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_sources(file, **knobs)

    return read_content
