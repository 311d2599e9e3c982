"""The validator must see what is broken: one place in each of many rows, class by class.

The mutations are made so that only what they are about tells: a slice that is
dropped takes its pair along, and what comes after moves up.
"""

import copy
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from duplexdata.pipeline.validate import validate

Built = Callable[[str, str], Path]
Row = dict[str, Any]
Mutation = Callable[[Row, random.Random], bool]

IDLE = "<idle>"
FEWEST = 100
CAUGHT = 0.99


def cells(row: Row, role: str) -> list[int]:
    """The indexes of one channel's slices in `output`, pair by pair."""
    return list(range(0 if role == "user" else 1, len(row["output"]), 2))


def spoken(row: Row, at_least: int = 1, role: str | None = None) -> list[Row]:
    """The utterances of origin source with so many slices."""
    return [
        one
        for one in row["utterances"]
        if one["origin"] == "source" and one["slices"] >= at_least and role in (None, one["role"])
    ]


def span(row: Row, one: Row) -> list[int]:
    """Where in `output` the slices of an utterance stand."""
    return cells(row, one["role"])[one["start"] : one["start"] + one["slices"]]


def shift(row: Row, after: int, by: int) -> None:
    """Moves the utterances that begin after a pair."""
    for one in row["utterances"]:
        if one["start"] > after:
            one["start"] += by


def is_spoken_over(row: Row, one: Row) -> bool:
    """Whether a statement stands beside an answer: its pairs are not the answer's alone."""
    index = row["utterances"].index(one)
    return any(
        other["kind"] == "statement" and other["over"]
        for other in row["utterances"][index + 1 : index + 2]
    )


def drop_slice(row: Row, chance: random.Random) -> bool:
    """A slice is dropped with its pair."""
    one = chance.choice(spoken(row, 2) or [None])
    if one is None or is_spoken_over(row, one):
        return False
    # The slice that shares its pair with the other side stays.
    offset = chance.randrange(one["slices"] - 1) + (one["role"] == "assistant")
    pair = one["start"] + offset
    del row["output"][2 * pair : 2 * pair + 2]
    one["slices"] -= 1
    for other in row["utterances"]:
        if other is not one and other["start"] > one["start"]:
            other["start"] -= 1
    return True


def swap_slices(row: Row, chance: random.Random) -> bool:
    """Two slices of an utterance change places."""
    one = chance.choice(spoken(row, 2) or [None])
    if one is None:
        return False
    first, second = (row["output"][at] for at in chance.sample(span(row, one), 2))
    if first["content"] == second["content"]:
        return False
    first["content"], second["content"] = second["content"], first["content"]
    return True


def cut_character(row: Row, chance: random.Random) -> bool:
    """A slice loses a character."""
    cell = row["output"][chance.choice(span(row, chance.choice(spoken(row))))]
    text = cell["content"]
    if len(text) < 2:
        return False
    at = chance.randrange(len(text))
    cell["content"] = text[:at] + text[at + 1 :]
    return True


def flip_state(row: Row, chance: random.Random) -> bool:
    """A user utterance has another state."""
    one = chance.choice(spoken(row, role="user"))
    one["state"] = chance.choice([s for s in ("query", "statement", "stop") if s != one["state"]])
    return True


def move_start(row: Row, chance: random.Random) -> bool:
    """An utterance says that it starts a pair later or earlier than it does."""
    one = chance.choice(spoken(row))
    one["start"] += chance.choice([-1, 1] if one["start"] else [1])
    return True


def split_slice(row: Row, chance: random.Random) -> bool:
    """A slice becomes two, in two pairs.

    Not the last of a user: split after its fourth word it is one that could
    have been drawn, so that nothing is broken.
    """
    one = chance.choice([u for u in spoken(row) if u["role"] == "assistant" or u["slices"] > 1])
    if is_spoken_over(row, one):
        return False
    offset = chance.randrange(one["slices"] - (one["role"] == "user"))
    pair = one["start"] + offset
    own = int(one["role"] == "assistant")
    text = row["output"][2 * pair + own]["content"]
    places = [
        at
        for at in range(1, len(text))
        if one["role"] == "assistant" or text[at - 1].isspace() or not text[at].isspace()
    ]
    if not places:
        return False
    at = chance.choice(places)
    left, right = text[:at], text[at:]
    if one["role"] == "user":
        left, right = left.strip(), right.strip()
    new = [{"role": "user", "content": IDLE}, {"role": "assistant", "content": IDLE}]
    if one["role"] == "user":
        # Before the pair: what the assistant says there goes on standing beside the last slice.
        new[0]["content"], row["output"][2 * pair]["content"] = left, right
        row["output"][2 * pair : 2 * pair] = new
    else:
        row["output"][2 * pair + 1]["content"], new[1]["content"] = left, right
        row["output"][2 * pair + 2 : 2 * pair + 2] = new
    for other in row["utterances"]:
        if other is not one and (other["start"] > one["start"] or other["role"] == "assistant"):
            other["start"] += other["start"] >= one["start"]
    one["slices"] += 1
    return True


def forge_idle(row: Row, chance: random.Random) -> bool:
    """The text of a slice holds the token of silence."""
    cell = row["output"][chance.choice(span(row, chance.choice(spoken(row))))]
    at = chance.randrange(len(cell["content"]) + 1)
    cell["content"] = cell["content"][:at] + IDLE + cell["content"][at:]
    return True


def silence_slice(row: Row, chance: random.Random) -> bool:
    """A slice of text becomes silence."""
    row["output"][chance.choice(span(row, chance.choice(spoken(row))))]["content"] = IDLE
    return True


def speak_into_query(row: Row, chance: random.Random) -> bool:
    """The assistant begins a pair before the user's last slice, and all after it moves up."""
    answers = [
        one
        for before, one in zip(row["utterances"], row["utterances"][1:], strict=False)
        if one["role"] == "assistant" and before["role"] == "user" and before["slices"] >= 2
    ]
    if not answers:
        return False
    one = chance.choice(answers)
    user = [row["output"][at]["content"] for at in cells(row, "user")]
    assistant = [row["output"][at]["content"] for at in cells(row, "assistant")]
    del assistant[one["start"] - 1]
    del user[one["start"] + 1]  # a pair in which the user is silent, or the row's tail
    if len(user) != len(assistant) or IDLE not in row["output"][2 * one["start"] + 2]["content"]:
        return False
    for other in row["utterances"]:
        if other["start"] > one["start"]:
            other["start"] -= 1
    one["start"] -= 1
    row["output"] = [
        {"role": role, "content": text}
        for pair in zip(user, assistant, strict=True)
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    return True


def of_source(row: Row, role: str | None = None) -> list[Row]:
    """The utterances of origin source whose message holds several words."""
    return [
        one
        for one in row["utterances"]
        if one["origin"] == "source"
        and role in (None, one["role"])
        and len(row["messages"][one["start"]]["content"].split()) > 3
    ]


def edit_words(row: Row, chance: random.Random, edit: Callable[[list[str]], list[str]]) -> bool:
    """A message's words are changed, its state token is kept."""
    choices = of_source(row)
    if not choices:
        return False
    one = chance.choice(choices)
    message = row["messages"][one["start"]]
    token = message["content"][-3:] if one["role"] == "user" else ""
    text = message["content"].removesuffix(token)
    words = text.split(" ")
    changed = " ".join(edit(words)).strip() + token
    if changed == message["content"] or not changed.removesuffix(token):
        return False
    message["content"] = changed
    return True


def duo_drop(row: Row, chance: random.Random) -> bool:
    """A message loses a word."""

    def edit(words: list[str]) -> list[str]:
        at = chance.randrange(len(words))
        return words[:at] + words[at + 1 :]

    return edit_words(row, chance, edit)


def duo_swap(row: Row, chance: random.Random) -> bool:
    """Two words of a message change places."""

    def edit(words: list[str]) -> list[str]:
        if len(words) < 2:
            return words
        first, second = chance.sample(range(len(words)), 2)
        words[first], words[second] = words[second], words[first]
        return words

    return edit_words(row, chance, edit)


def duo_cut(row: Row, chance: random.Random) -> bool:
    """A message loses a character, before its state token."""
    one = chance.choice(row["utterances"][:-1])
    message = row["messages"][one["start"]]
    size = len(message["content"]) - (3 if one["role"] == "user" else 0)
    if one["origin"] != "source" or size < 2:
        return False
    at = chance.randrange(size)
    message["content"] = message["content"][:at] + message["content"][at + 1 :]
    return True


def duo_flip(row: Row, chance: random.Random) -> bool:
    """A query becomes a statement, in state, column and token."""
    one = chance.choice([u for u in row["utterances"] if u["role"] == "user"])
    message = row["messages"][one["start"]]
    message["content"] = message["content"].removesuffix("<1>") + "<2>"
    row["states"][one["start"]] = one["state"] = "statement"
    return bool(one["origin"] == "source")


def duo_move(row: Row, chance: random.Random) -> bool:
    """An utterance says that it is another message."""
    one = chance.choice(row["utterances"])
    one["start"] += chance.choice([-1, 1] if one["start"] else [1])
    return bool(one["origin"] == "source")


def duo_split(row: Row, chance: random.Random) -> bool:
    """A message becomes two messages of one side, with an utterance for each."""
    choices = of_source(row)
    if not choices:
        return False
    one = chance.choice(choices)
    at, message = one["start"], row["messages"][one["start"]]
    token = message["content"][-3:] if one["role"] == "user" else ""
    words = message["content"].removesuffix(token).split(" ")
    if len(words) < 2:
        return False
    cut = chance.randrange(1, len(words))
    left, right = " ".join(words[:cut]), " ".join(words[cut:])
    if one["role"] == "user":
        left, right = left.strip(), right.strip()
    row["messages"][at : at + 1] = [
        {"role": one["role"], "content": text + token} for text in (left, right)
    ]
    row["states"].insert(at, one["state"])
    index = row["utterances"].index(one)
    for other in row["utterances"][index + 1 :]:
        other["start"] += 1
    second = {**one, "start": at + 1}
    one["unheard"] = ""
    row["utterances"].insert(index + 1, second)
    return True


def duo_forge(row: Row, chance: random.Random) -> bool:
    """A message holds the token of silence."""

    def edit(words: list[str]) -> list[str]:
        words.insert(chance.randrange(len(words)), IDLE)
        return words

    return edit_words(row, chance, edit)


def duo_speak(row: Row, chance: random.Random) -> bool:
    """An answer says that it begins over its query."""
    chance.choice([u for u in row["utterances"] if u["role"] == "assistant"])["over"] = True
    return True


MUTATIONS: dict[str, dict[str, tuple[Mutation, float]]] = {
    "tdm": {
        "drop a slice": (drop_slice, 0.01),
        "swap two slices": (swap_slices, 0.25),
        "cut a character": (cut_character, 0.18),
        "flip a state": (flip_state, 0.99),
        "move a start": (move_start, 0.99),
        "split a slice": (split_slice, 0.80),
        "forge <idle> in text": (forge_idle, 0.99),
        "silence a slice": (silence_slice, 0.99),
        "speak into a query": (speak_into_query, 0.99),
    },
    "duo": {
        "drop a word": (duo_drop, 0.05),
        "swap two words": (duo_swap, 0.0),
        "cut a character": (duo_cut, 0.02),
        "flip a state": (duo_flip, 0.99),
        "move a start": (duo_move, 0.99),
        "split a message": (duo_split, 0.99),
        "forge <idle> in text": (duo_forge, 0.99),
        "speak into a query": (duo_speak, 0.99),
    },
}
"""By format and class: how a row is broken, and the share that must be seen without the source.

Without it, words of the user leave no trace but for their count in a slice, and
of an answer only what moves the places at which its tokens are cut. So the
floors of the first three classes are low; duo shows no slices, and no swap.
"""

CASES = [
    pytest.param(row_format, name, kind, id=f"{kind}-{row_format}-{name.replace(' ', '_')}")
    for kind in ("clean_build", "clean_groups", "clean_statements")
    for row_format, classes in MUTATIONS.items()
    for name in classes
]


def mutated_file(folder: Path, row_format: str, name: str, out: Path) -> int:
    """Writes a file in which every row is broken in one place; gives the number of rows."""
    chance = random.Random(f"{row_format} {name}")  # noqa: S311  # it breaks rows, not codes
    mutate, _ = MUTATIONS[row_format][name]
    tables = [pq.read_table(one) for one in sorted((folder / "data").iterdir())]
    broken = list(_broken((row for one in tables for row in one.to_pylist()), mutate, chance))
    pq.write_table(tables[0].schema.empty_table().from_pylist(broken, tables[0].schema), out)
    return len(broken)


def _broken(rows: Iterator[Row], mutate: Mutation, chance: random.Random) -> Iterator[Row]:
    for row in rows:
        for _ in range(20):  # some places cannot be broken: another one is drawn
            changed = copy.deepcopy(row)
            if mutate(changed, chance) and changed != row:
                yield changed
                break


@pytest.mark.parametrize(("row_format", "name", "kind"), CASES)
def test_with_the_source_what_is_broken_is_seen(
    request: pytest.FixtureRequest, tmp_path: Path, row_format: str, name: str, kind: str
) -> None:
    """With the source, at least 99 of 100 rows that are broken in one place are reported."""
    built: Built = request.getfixturevalue(kind)
    file = tmp_path / "mutated.parquet"
    count = mutated_file(built(row_format, "sample"), row_format, name, file)
    report = validate(file, sources=["sample"])
    assert report.rows == count >= FEWEST
    assert report.rows_in_breach >= CAUGHT * count, (report.rows_in_breach, count)


@pytest.mark.parametrize(("row_format", "name", "kind"), CASES)
def test_without_the_source_what_the_columns_allow_is_seen(
    request: pytest.FixtureRequest, tmp_path: Path, row_format: str, name: str, kind: str
) -> None:
    """Without the source, the columns alone tell of so many of the broken rows."""
    built: Built = request.getfixturevalue(kind)
    file = tmp_path / "mutated.parquet"
    count = mutated_file(built(row_format, "sample"), row_format, name, file)
    floor = MUTATIONS[row_format][name][1]
    report = validate(file)
    assert report.rows == count >= FEWEST
    assert report.rows_in_breach >= floor * count, (report.rows_in_breach, count)
    assert ("source", "no --source was given") in report.unproved
