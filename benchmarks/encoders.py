"""The encoders that figures are taken with, and how fast each is by itself.

    python benchmarks/encoders.py DIALOGUES.jsonl --encoder tiktoken

prints the bytes of the answers and the CPU seconds to encode each of them once, in one process.
This is the one place that knows how a build is told which encoder to use.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

NAME = "cl100k_base"
LIBRARIES = {"tiktoken": "tiktoken", "fast": "quicktok"}
"""What `--encoder` says, and the library that it means."""

_DIALOGUES = 256
"""Whose answers are encoded at a time, as few calls as memory allows."""


class OtherEncoderError(RuntimeError):
    """A build used another encoder than it was told to."""


def environment(encoder: str) -> dict[str, str]:
    """What tells a build to use this encoder."""
    return {"DUPLEXDATA_ENCODER": LIBRARIES[encoder]}


def check_used(encoder: str, run: Path) -> None:
    """Raises an OtherEncoderError where a finished run says that it used another."""
    said: str = json.loads((run / "run.json").read_text("utf-8"))["tokenizer"]
    if not said.startswith(LIBRARIES[encoder]):
        raise OtherEncoderError(f"told to use {LIBRARIES[encoder]}, a build used {said}")


def load(encoder: str) -> Callable[[Sequence[str]], object]:
    """A function that encodes texts as ordinary text by the encoder's cheapest call."""
    if encoder == "tiktoken":
        import tiktoken

        encode = tiktoken.get_encoding(NAME).encode_ordinary
        return lambda texts: [encode(text) for text in texts]
    import quicktok

    encode_batch: Any = quicktok.get_encoding(NAME).encode_batch
    return lambda texts: encode_batch(list(texts), 1)  # one thread: the cores have a process each


def answers(lines: Iterator[bytes]) -> Iterator[list[str]]:
    """The answers of all dialogues, those of so many at a time."""
    import orjson

    while batch := list(islice(lines, _DIALOGUES)):
        yield [text for line in batch for text in orjson.loads(line)["data"][1::2]]


def main() -> None:
    """Prints bytes and CPU seconds as JSON."""
    parser = argparse.ArgumentParser(description="The speed of an encoder by itself.")
    parser.add_argument("dialogues", type=Path)
    parser.add_argument("--encoder", choices=LIBRARIES, default="tiktoken")
    given = parser.parse_args()
    encode = load(given.encoder)
    with given.dialogues.open("rb") as stream:
        texts = list(answers(stream))
    encode(["A first text, for what is set up on first use."])
    began = time.process_time()
    for batch in texts:
        encode(batch)
    seconds = time.process_time() - began
    size = sum(len(text.encode()) for batch in texts for text in batch)
    sys.stdout.write(json.dumps({"bytes": size, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
