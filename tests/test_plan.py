"""What will be built of a block (rates and groups)."""

from collections import Counter

import pytest

from duplexdata.pipeline.block import planned_of
from duplexdata.pipeline.dialogue import Dialogue, Split, Turn, turns_key
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.block import Block, Place, block_of
from duplexdata.pipeline.plan import Plan, plan_block, sample_rank

from .interrupt.scripting import setting, writer

GROUPS = ("topic_interweaving", "dialogue_reset")


def dialogue(number: int, *answers: str, language: str = "en", split: Split = "train") -> Dialogue:
    """A dialogue with these answers."""
    turns = []
    for answer in answers or ("a b c", "d e f"):
        turns += [Turn("user", f"{number}?"), Turn("assistant", answer)]
    return Dialogue(f"s:{number}", turns_key(turns), language, tuple(turns), split)


def block(*dialogues: Dialogue) -> Block:
    """A block of these dialogues."""
    return block_of(
        0, dialogues, tuple(Place("s", number, None) for number in range(len(dialogues)))
    )


def plan(one: Block, **knobs: object) -> Plan:
    """The plan of a block."""
    return plan_block(one, writer(setting(), **knobs))


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_takes_a_dialogue_once(name: str) -> None:
    """Every dialogue drawn is in one group, or left out as group_not_filled; sums add up."""
    made = plan(block(*(dialogue(number) for number in range(103))), rates={name: 1.0})
    members = [member for row in made.rows for member in row.members]
    left = [one.member for one in made.left_out]
    assert len(set(members)) == len(members)
    assert sorted(members + left) == list(range(103))
    assert {one.reason for one in made.left_out} <= {"group_not_filled"}
    assert made.drawn == {name: 103}


def test_sizes_of_groups() -> None:
    """Five for a reset; three to five for interweaving, each as likely, or as the recipe weighs."""
    many = block(*(dialogue(number) for number in range(4000)))
    reset = plan(many, rates={"dialogue_reset": 1.0})
    assert {len(row.members) for row in reset.rows} == {5}
    even = Counter(len(row.members) for row in plan(many, rates={"topic_interweaving": 1.0}).rows)
    assert set(even) == {3, 4, 5}
    mean = even.total() / 3
    assert all(abs(count - mean) < 5 * mean**0.5 for count in even.values())
    weights = {"3": 1.0, "4": 0.0, "5": 0.0}
    threes = plan(many, rates={"topic_interweaving": 1.0}, group_weights=weights)
    assert {len(row.members) for row in threes.rows} == {3}


def test_groups_stay_in_split_and_language() -> None:
    """A group mixes neither splits (rule 9) nor languages."""
    splits: tuple[Split, ...] = ("train", "validation")
    mixed = [
        dialogue(number, language=("en", "zh")[number % 2], split=splits[number // 2 % 2])
        for number in range(200)
    ]
    own = setting()
    own.transitions["zh"] = own.transitions["en"]  # type: ignore[index]
    made = plan_block(block(*mixed), writer(own, rates=dict.fromkeys(GROUPS, 1.0)))
    for row in made.rows:
        members = [mixed[member] for member in row.members]
        assert len({(one.split, one.language) for one in members}) == 1
    assert len(made.rows) > 60


def test_who_cannot_be_cut_stands_last_in_a_reset() -> None:
    """Dialogues without a cuttable answer take the last place, and no other."""
    dialogues = [dialogue(number) for number in range(40)]
    dialogues += [dialogue(number, "x", "y") for number in range(40, 50)]
    made = plan(block(*dialogues), rates={"dialogue_reset": 1.0})
    assert len(made.rows) == 10
    assert all(row.members[-1] >= 40 for row in made.rows)
    assert all(member < 40 for row in made.rows for member in row.members[:-1])
    assert not made.left_out


def test_nobody_to_return_to_is_left_out_by_name() -> None:
    """A group of single rounds is left out, each dialogue by its name."""
    made = plan(
        block(*(dialogue(number, "a b") for number in range(5))),
        rates={"topic_interweaving": 1.0},
        group_weights={"3": 0.0, "4": 0.0, "5": 1.0},
    )
    assert not made.rows
    assert Counter(one.reason for one in made.left_out) == {"no_round_to_return_to": 5}


def test_a_dialogue_in_no_row_is_named_once_by_the_first_reason() -> None:
    """It may be left out of several types, each for another reason; one in a row is not named."""
    one = block(dialogue(0, "Yes."), dialogue(1, "a " * 200))
    made = plan(one, rates={"generation_termination": 1.0, "topic_interweaving": 1.0})
    assert {(left.member, left.reason) for left in made.left_out} == {
        (0, "no_cuttable_answer"),
        (0, "group_not_filled"),
        (1, "group_not_filled"),
    }
    first = next(left.reason for left in made.left_out if left.member == 0)
    assert planned_of(made, one)["unused"] == [["s", 0, None, "s:0", first]]


def test_one_type_a_dialogue() -> None:
    """With per_dialogue = "one" a dialogue is drawn for one type, the rates being weights."""
    many = block(*(dialogue(number) for number in range(3000)))
    rates = {"uninterrupted": 1.0, "regeneration": 0.5, "topic_interweaving": 0.5}
    made = plan(many, rates=rates, per_dialogue="one")
    assert sum(made.drawn.values()) == 3000
    assert abs(made.drawn["uninterrupted"] - 1500) < 140
    assert abs(made.drawn["regeneration"] - 750) < 120


def test_shares_of_all_types() -> None:
    """With per_dialogue = "all" each type draws its own share."""
    many = block(*(dialogue(number) for number in range(3000)))
    made = plan(many, rates=dict.fromkeys(TYPES, 0.5))
    assert set(made.drawn) == set(TYPES)
    assert all(abs(count - 1500) < 140 for count in made.drawn.values())
    for row in made.rows:
        assert row.type in TYPES


def test_types_draw_apart() -> None:
    """Who takes part in one type says nothing of who takes part in another."""
    many = block(*(dialogue(number) for number in range(2000)))
    made = plan(many, rates={"uninterrupted": 0.5, "regeneration": 0.5})
    types: dict[int, set[str]] = {}
    for row in made.rows:
        types.setdefault(row.members[0], set()).add(row.type)
    both = sum(len(found) == 2 for found in types.values())
    assert abs(both - 500) < 100


def test_sample_ranks_hang_on_the_seed() -> None:
    """Another seed keeps other rows."""
    rows = [f"row-{number}" for number in range(1000)]
    first = set(sorted(rows, key=lambda row: sample_rank(row, 0))[:100])
    second = set(sorted(rows, key=lambda row: sample_rank(row, 1))[:100])
    assert len(first & second) < 40


def test_the_plan_does_not_depend_on_its_neighbours() -> None:
    """Whether a dialogue takes part hangs on its key alone, not on its place in the block."""
    dialogues = [dialogue(number) for number in range(60)]
    rates = {"uninterrupted": 0.5}
    there = {row.id for row in plan(block(*dialogues), rates=rates).rows}
    back = {row.id for row in plan(block(*dialogues[::-1]), rates=rates).rows}
    assert there == back
