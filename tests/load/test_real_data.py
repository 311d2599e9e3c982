"""Real dialogues, counted a second time by hand: plain Python that shares nothing with ours."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.load.reading import Reading

Read = Callable[..., tuple[list[Dialogue], Reading]]

# The file, the layout, and its rows as its owner counts them.
FILES = [
    ("ultrachat_released.jsonl", "ultrachat", 599),
    ("ultrachat_200k.jsonl", "ultrachat_200k", 200),
    ("ultrachat_200k.parquet", "ultrachat_200k", 100),
    ("ultrachat_messages_crlf.jsonl", "openai", 99),
    ("sharegpt_zh.jsonl", "sharegpt", 300),
    ("sharegpt_gpt4.jsonl", "sharegpt", 128),
    ("messages_with_empty_replies.jsonl", "openai", 128),
]


def rows_by_hand(file: Path) -> list[dict[str, Any]]:
    """The rows, by the standard library."""
    if file.suffix == ".parquet":
        found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return found
    return [json.loads(line) for line in file.read_bytes().decode().split("\n") if line.strip()]


def turns_by_hand(row: dict[str, Any]) -> list[tuple[str, Any]]:
    """Who says what, `h` for the human and `m` for the machine."""
    if "data" in row:
        return [("hm"[number % 2], text) for number, text in enumerate(row["data"])]
    if "messages" in row:
        return [
            ({"user": "h", "assistant": "m", "system": "s"}[one["role"]], one["content"])
            for one in row["messages"]
        ]
    return [
        ({"human": "h", "gpt": "m", "system": "s"}[one["from"]], one["value"])
        for one in row["conversations"]
    ]


def count_by_hand(rows: list[dict[str, Any]], longest: int) -> tuple[Counter[str], list[list[str]]]:
    """How many rows meet each fate and what is dropped; and the texts of what stays."""
    counted: Counter[str] = Counter()
    kept: list[list[str]] = []
    seen = set()
    for row in rows:
        turns = turns_by_hand(row)
        spoken = [turn for turn in turns if turn[0] != "s"]
        sides = "".join(side for side, _ in spoken)
        trailing = sides.endswith("mh")
        if trailing:
            spoken, sides = spoken[:-1], sides[:-1]
        bad = [
            n for n, (_, text) in enumerate(spoken) if not isinstance(text, str) or not text.strip()
        ]
        astray = [n for n, side in enumerate(sides) if side != "hm"[n % 2]]
        if astray and astray[0] <= min(bad, default=len(spoken)):
            counted["roles_out_of_order"] += 1
        elif bad:
            counted["empty_content"] += 1
        elif len(spoken) < 2:
            counted["no_answer"] += 1
        elif sum(len(text) for _, text in spoken) > longest:
            counted["too_long"] += 1
        else:
            counted["system"] += len(turns) - len(spoken) - trailing
            counted["trailing"] += trailing
            texts = [text for _, text in spoken]
            if tuple(texts) in seen:
                counted["duplicate"] += 1
                continue
            seen.add(tuple(texts))
            counted["kept"] += 1
            kept.append(texts)
    return counted, kept


@pytest.mark.parametrize("longest", [200_000, 3000])
@pytest.mark.parametrize(("name", "layout", "rows"), FILES)
def test_real_files_are_counted_as_by_hand(
    name: str, layout: str, rows: int, longest: int, real_data: Path, read_sources: Read
) -> None:
    """Kept, rejected by reason, dropped, and every text that stays: as counted by hand."""
    by_hand, texts = count_by_hand(rows_by_hand(real_data / name), longest)
    dialogues, reading = read_sources(real_data / name, max_characters=longest)
    assert reading.files[0].layout == layout
    assert reading.rows == rows
    ours = Counter(one.reason for one in reading.rejected)
    ours.update(
        kept=reading.kept,
        system=reading.system_messages,
        trailing=reading.trailing_user_turns,
    )
    assert +ours == +by_hand
    assert [[turn.text for turn in one.turns] for one in dialogues] == texts


def test_trees_give_a_dialogue_each(real_data: Path, read_sources: Read) -> None:
    """Of every tree one path is read, from its prompt to an answer, none longer in the tree."""
    file = real_data / "oasst_trees.jsonl"
    dialogues, reading = read_sources(file)
    assert not reading.rejected
    trees = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert len(dialogues) == len(trees) == 50
    for dialogue, tree in zip(dialogues, trees, strict=True):
        assert dialogue.source_id == f"oasst_trees:{tree['message_tree_id']}"
        assert dialogue.turns[0].text == tree["prompt"]["text"]
        assert len(dialogue.turns) == 2 * (depth(tree["prompt"]) // 2)


def depth(node: dict[str, Any]) -> int:
    """The messages of the longest path from one down."""
    return 1 + max((depth(one) for one in node["replies"]), default=0)


def test_rejected_rows_are_the_ones_that_an_editor_shows(
    real_data: Path, read_sources: Read
) -> None:
    """The line of a reject is the line of the file, counted by newlines alone."""
    file = real_data / "messages_with_empty_replies.jsonl"
    _, reading = read_sources(file)
    lines = file.read_bytes().decode().split("\n")
    empty = [one for one in reading.rejected if one.reason == "empty_content"]
    assert empty
    for one in empty:
        assert one.place.line is not None
        contents = [
            message["content"] for message in json.loads(lines[one.place.line - 1])["messages"]
        ]
        assert not all(content and content.strip() for content in contents)


def test_separators_of_lines_inside_real_rows_are_kept(real_data: Path, read_sources: Read) -> None:
    """U+2028 occurs in real rows, and comes through."""
    dialogues, _ = read_sources(real_data / "sharegpt_gpt4.jsonl")
    assert any("\u2028" in turn.text for one in dialogues for turn in one.turns)


def test_languages_of_real_files(real_data: Path, read_sources: Read) -> None:
    """UltraChat is English; the Chinese file is Chinese, but for rows that are mostly code."""
    for name, language, share in (
        ("ultrachat_released.jsonl", "en", 1.0),
        ("ultrachat_messages_crlf.jsonl", "en", 1.0),
        ("sharegpt_zh.jsonl", "zh", 0.99),
    ):
        dialogues, _ = read_sources(real_data / name)
        assert sum(one.language == language for one in dialogues) >= share * len(dialogues)


def test_real_files_together_are_counted_as_by_hand(real_data: Path, read_sources: Read) -> None:
    """Duplicates are found over files and layouts, and nothing else is taken for one."""
    sources = [real_data / name for name, _, _ in FILES]
    by_hand, texts = count_by_hand([row for one in sources for row in rows_by_hand(one)], 200_000)
    dialogues, reading = read_sources(*sources)
    assert by_hand["duplicate"] > 1
    assert Counter(one.reason for one in reading.rejected)["duplicate"] == by_hand["duplicate"]
    assert [[turn.text for turn in one.turns] for one in dialogues] == texts
    assert len({one.source_id for one in dialogues}) == len({one.key for one in dialogues})
