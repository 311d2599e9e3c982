"""The plain script that a user would write for the type `uninterrupted` in `tdm`.

    python benchmarks/baseline.py DIALOGUES.jsonl OUT.parquet [--workers 2] [--batched]

It knows nothing of this project: datasets, tiktoken, and lists of strings. Its rows have
`id`, `type` and `output` and no `utterances`. Its `output` is that of our rows, but that
the sizes of its user slices are other draws, that white space inside a user slice becomes
one blank, and that a slice which ends inside a character shows U+FFFD in its place (about
1% of rows; `same_content.py` proves all this). Without a network, TIKTOKEN_CACHE_DIR must
name a folder with the ranks.
"""

import argparse
import random
from typing import Any

import datasets
import tiktoken

IDLE = "<idle>"
SLICE_TOKENS = 10
ENCODING = tiktoken.get_encoding("cl100k_base")


def user_slices(text: str, draws: random.Random) -> list[str]:
    """The text, 4 to 6 words at a time."""
    words = text.split()
    slices = []
    position = 0
    while position < len(words):
        count = draws.randint(4, 6)
        slices.append(" ".join(words[position : position + count]))
        position += count
    return slices


def assistant_slices(text: str) -> list[str]:
    """The text, 10 tokens at a time."""
    tokens = ENCODING.encode_ordinary(text)
    return [
        ENCODING.decode(tokens[position : position + SLICE_TOKENS])
        for position in range(0, len(tokens), SLICE_TOKENS)
    ]


def pair(user: str, assistant: str) -> list[dict[str, str]]:
    """A time slice of both sides."""
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


def slice_dialogue(turns: list[str], draws: random.Random) -> list[dict[str, str]]:
    """All pairs of a dialogue; an answer starts beside the last slice of its question."""
    output = []
    for question, answer in zip(turns[0::2], turns[1::2], strict=False):
        users = user_slices(question, draws)
        assistants = assistant_slices(answer)
        for slice_ in users[:-1]:
            output += pair(slice_, IDLE)
        output += pair(users[-1], assistants[0])
        for slice_ in assistants[1:]:
            output += pair(IDLE, slice_)
    output += pair(IDLE, IDLE)
    return output


def build(dialogue: dict[str, Any]) -> dict[str, Any]:
    """The row of a dialogue."""
    draws = random.Random(dialogue["id"])  # noqa: S311  # no secret
    return {"type": "uninterrupted", "output": slice_dialogue(dialogue["data"], draws)}


def build_batch(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The rows of a batch of dialogues."""
    dialogues = zip(batch["id"], batch["data"], strict=True)
    rows = [build({"id": key, "data": turns}) for key, turns in dialogues]
    return {name: [row[name] for row in rows] for name in ("type", "output")}


def main() -> None:
    """Reads, maps, writes."""
    parser = argparse.ArgumentParser(description="The plain script for uninterrupted tdm rows.")
    parser.add_argument("dialogues", help='JSON lines of {"id", "data"}')
    parser.add_argument("out", help="the Parquet file to write")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--batched", action="store_true", help="map a thousand dialogues at a time, a bit faster"
    )
    given = parser.parse_args()
    dialogues = datasets.load_dataset("json", data_files=given.dialogues, split="train")
    rows = dialogues.map(
        build_batch if given.batched else build,
        batched=given.batched,
        num_proc=given.workers,
        remove_columns=["data"],
    )
    rows.to_parquet(given.out)


if __name__ == "__main__":
    main()
