"""A length budget: whole rounds are left out, never an interruption."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.dialogue import Script
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.load.block import Place, block_of
from duplexdata.pipeline.plan import plan_block

from .interrupt.scripting import dialogue, setting, writer

FIVE = tuple(
    dialogue(
        *(f"{name} asks {number} of {n}" if n % 2 == 0 else f"{name} says {number} of {n} again"
          for number in range(rounds)
          for n in range(2)),
        name=name,
    )
    for name, rounds in zip("abcde", (3, 4, 2, 5, 3), strict=True)
)  # fmt: skip


def tokens(script: Script) -> int:
    """The words that are heard."""
    return sum(len(one.text[: one.heard].split(" ")) for one in script.utterances)


def members(type_name: str) -> list[int]:
    """As many dialogues as a type takes."""
    grouping = TYPES[type_name].grouping
    return list(range(grouping.sizes[0] if grouping else 1))


def scripts(type_name: str, budget: int, shorten: str, seed: int) -> tuple[Script, Script | None]:
    """The whole script of a row, and what is made of it within a budget; None if it is left out."""
    dialogues = [FIVE[(member + seed) % 5] for member in members(type_name)]
    weights = {"3": 1.0, "4": 0.0, "5": 0.0}
    one = writer(
        setting(stop_share=0.0 if seed % 2 else 1.0),
        rates={type_name: 1.0},
        max_tokens=budget,
        shorten=shorten,
        seed=seed,
        group_weights=weights,
    )
    places = tuple(Place("s", number, None) for number in range(len(dialogues)))
    plan = plan_block(block_of(0, tuple(dialogues), places), one)
    assert len(plan.rows) + bool(plan.left_out) == 1
    # In the order of the group, which chance has drawn.
    members_of = [one for row in plan.rows for one in row.members]
    whose = [dialogues[one] for one in members_of or [left.member for left in plan.left_out]]
    whole = one.script(type_name, whose)
    if plan.left_out:
        assert {left.reason for left in plan.left_out} == {"too_long"}
        assert len(plan.left_out) == len(dialogues)
        return whole, None
    return whole, one.script(type_name, whose, plan.rows[0].rounds)


@given(
    type_name=st.sampled_from([name for name in TYPES if name != "back_on_topic"]),
    budget=st.integers(10, 120),
    shorten=st.sampled_from(["end", "front", "either"]),
    seed=st.integers(0, 9),
)
def test_a_budget_is_kept_by_leaving_out_whole_rounds(
    type_name: str, budget: int, shorten: str, seed: int
) -> None:
    """What is left is a run of whole rounds with every cut-in, and no longer than allowed."""
    whole, short = scripts(type_name, budget, shorten, seed)
    if short is None:
        assert tokens(whole) > budget
        return
    assert tokens(short) <= budget
    said = whole.utterances
    begin = next(
        place
        for place in range(len(said))
        if said[place : place + len(short.utterances)] == short.utterances
    )
    before, after = said[:begin], said[begin + len(short.utterances) :]
    assert {one.kind for one in (*before, *after)} <= {"message", "answer"}
    assert not any(one.cut for one in (*before, *after))
    assert short.utterances[0].kind == "message"
    assert not after or after[0].kind == "message"
    if shorten == "end":
        assert not before
    if shorten == "front":
        assert not after
    if not before and not after:
        assert short == whole
        return
    # One round more, on the side from which the last was taken, would have been too much.
    more = before[-2:] if before else after[:2]
    assert tokens(short) + sum(len(one.text.split(" ")) for one in more) > budget


@pytest.mark.parametrize("shorten", ["end", "front", "either"])
def test_interweaving_stays_interweaving(shorten: str) -> None:
    """However short, each dialogue is there, one returns, and source_ids say who begins when."""
    lengths = set()
    for budget in range(20, 130, 3):
        for seed in range(10):
            _, short = scripts("topic_interweaving", budget, shorten, seed)
            if short is None:
                continue
            spoken = [one.text[0] for one in short.utterances[::2]]
            begins = list(dict.fromkeys(spoken))
            assert [f"s:{name}" for name in begins] == list(short.source_ids)
            visits = 1 + sum(one != other for one, other in pairwise(spoken))
            assert visits > len(begins) == 3
            lengths.add(len(spoken))
    assert len(lengths) > 3


def test_without_a_budget_nothing_is_left_out() -> None:
    """No number, no bound."""
    one = writer(rates={"uninterrupted": 1.0})
    assert one.fits("uninterrupted", [FIVE[3]])
    assert len(one.script("uninterrupted", [FIVE[3]]).utterances) == 10


def test_statements_count() -> None:
    """The budget is of all text, remarks included."""
    from duplexdata.pipeline.generate.offline import offline_reply
    from duplexdata.pipeline.materials import load_materials
    from duplexdata.pipeline.slice.slicer import Slicer

    materials = load_materials("cl100k_base", {}, {})
    bare = writer(rates={"uninterrupted": 1.0}, max_tokens=60, shorten="end")
    recipe = type(bare.recipe)("tdm", rates={}, max_tokens=60, statements=1.0)
    remarking = type(bare)(
        bare.setting,
        materials.banks,
        Slicer(materials.tokenizer, 10),
        recipe,
        offline_reply,
    )
    rounds = remarking.rounds_that_fit("uninterrupted", [FIVE[3]])
    assert rounds is not None
    made = remarking.script("uninterrupted", [FIVE[3]], rounds)
    count = materials.tokenizer.token_ends
    assert sum(len(count(one.text)) for one in made.utterances) <= 60
    longer = remarking.script("uninterrupted", [FIVE[3]], (rounds[0], rounds[1] + 1))
    assert sum(len(count(one.text)) for one in longer.utterances) > 60
    assert any(one.kind == "statement" for one in made.utterances)
