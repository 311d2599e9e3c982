"""What the figures are measured on: real dialogues, each text once, then repeated.

Of a folder of published rows the English of UltraChat's and ShareGPT's files, and the
Chinese of ShareGPT's; without one the embedded sample. All are laid out anew as UltraChat
rows, `{"id", "data"}`, with ids of their own.
"""

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from duplexdata.pipeline.load.check import check_messages
from duplexdata.pipeline.load.language import guess_language
from duplexdata.pipeline.load.layouts import guess_layout
from duplexdata.pipeline.load.layouts.message import Layout
from duplexdata.pipeline.load.rejects import Reject

ENGLISH = (
    "ultrachat_released.jsonl",
    "ultrachat_200k.jsonl",
    "ultrachat_200k.parquet",
    "sharegpt_gpt4.jsonl",
)
CHINESE = ("sharegpt_zh.jsonl",)
COPIES = ("same", "distinct")

_RANKS_URL = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"

Dialogue = tuple[str, ...]
"""The texts of user and assistant in turn."""


def read_dialogues(data: Path | None, language: str) -> list[Dialogue]:
    """The usable dialogues of a language, each once, in the order of the files.

    Args:
        data: a folder that holds the files named above; None for the embedded sample.
        language: `en` or `zh`.
    """
    if data is None:
        sample = files("duplexdata.pipeline.load.sample") / "sample.jsonl"
        held = [_json_lines(sample.read_bytes())]
    else:
        held = [_rows(data / name) for name in (ENGLISH if language == "en" else CHINESE)]
    found = dict.fromkeys(chain.from_iterable(map(_dialogues, held)))
    return [texts for texts in found if guess_language(texts) == language]


def _rows(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return rows
    return _json_lines(file.read_bytes())


def _json_lines(data: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in data.split(b"\n") if line.strip()]


def _dialogues(rows: Sequence[dict[str, Any]]) -> Iterator[Dialogue]:
    layout = guess_layout(rows)
    if not isinstance(layout, Layout):
        return
    for row in rows:
        try:
            found = layout.read(row)
            checked = check_messages(found.roles, found.contents, 0)
        except Reject:
            continue
        yield tuple(text.decode() for text in checked.texts)


def write_dialogues(dialogues: Sequence[Dialogue], count: int, file: Path, copies: str) -> Path:
    """Writes so many dialogues, the given ones over and over.

    Args:
        dialogues: each once.
        count: how many to write.
        file: where to.
        copies: `same` repeats every text as it is; `distinct` puts the number of the
            copy before it, so that no text occurs twice and none is encoded only once.
    """
    rounds = chain.from_iterable(
        zip(repeat(copy), dialogues) for copy in range(count)
    )  # repeat has no end
    with file.open("wb") as stream:
        for number, (copy, texts) in enumerate(islice(rounds, count)):
            told_apart = copy and copies == "distinct"
            data = [f"{copy}. {text}" for text in texts] if told_apart else texts
            stream.write(orjson.dumps({"id": str(number), "data": data}) + b"\n")
    return file


def write_ranks(folder: Path) -> None:
    """Fills a cache of tiktoken with the embedded ranks, for want of a network."""
    packed = files("duplexdata.pipeline.slice.tokenizers") / "ranks" / "cl100k_base.tiktoken.gz"
    folder.mkdir()
    name = hashlib.sha1(_RANKS_URL.encode(), usedforsecurity=False).hexdigest()
    (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
