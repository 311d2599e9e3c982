"""Statements: how many, where, and that they move nothing else."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplexdata.pipeline.declarative import fault
from duplexdata.pipeline.dialogue import Ask, Reply, Script, Utterance
from duplexdata.pipeline.distract import Distraction, distract
from duplexdata.pipeline.export import FORMATS
from duplexdata.pipeline.generate import finish
from duplexdata.pipeline.markers import IDLE
from duplexdata.pipeline.recipe import Recipe
from duplexdata.pipeline.slice.schedule import joined_rows, slice_script
from duplexdata.pipeline.slice.slicer import Slicer
from duplexdata.pipeline.slice.tokenizers import load_tokenizer
from duplexdata.pipeline.statements import Bank, joined, load_bank

CL100K = load_tokenizer("cl100k_base")
LONG = "It is a long answer and it goes on for a while, so that one can speak over it. " * 3
BANK = Bank((("That makes sense to me now.", "Right."), ("I had no idea at all.",)), ((), ()), "")


def said(ask: Ask) -> Reply:
    """A writer that says what it is given."""
    return Reply(tuple(ask.values["statements"]), "offline")


def script(answers: int = 3, answer: str = LONG, key: str = "k") -> Script:
    """A script of rounds."""
    rounds = []
    for number in range(answers):
        question = f"Question {number}?"
        rounds += [
            Utterance("user", question, len(question), -1, "query", "message", "source"),
            Utterance("assistant", answer, len(answer), -1, None, "answer", "source"),
        ]
    return Script("i", "uninterrupted", "en", ("s:1",), (key,), tuple(rounds))


def distracted(one: Script, statements: float, over: float = 0.5, seed: int = 0) -> Script:
    """The script with statements of a small bank."""
    recipe = Recipe("tdm", statements=statements, over=over, seed=seed)
    return finish(distract(one, Distraction({"en": BANK}, Slicer(CL100K, 10), recipe)), said)


def statements_of(one: Script) -> list[Utterance]:
    """What was added."""
    return [utterance for utterance in one.utterances if utterance.kind == "statement"]


def test_none_are_added_at_zero() -> None:
    """Without statements the script is as it was."""
    assert distracted(script(), 0) == script()


@pytest.mark.parametrize(("statements", "each"), [(1.0, 1), (2.0, 2)])
def test_the_whole_part_comes_after_every_answer(statements: float, each: int) -> None:
    """After each answer stand so many statements, at most one of them over it."""
    for seed in range(20):
        utterances = distracted(script(), statements, seed=seed).utterances
        kinds = [one.kind for one in utterances]
        assert kinds == (["message", "answer"] + ["statement"] * each) * 3
        for first in range(2, len(kinds), 2 + each):
            spoken_over = [one.at >= 0 for one in utterances[first : first + each]]
            assert spoken_over[1:] == [False] * (each - 1)


def test_the_rest_is_a_probability_and_over_a_share() -> None:
    """Half a statement an answer is one after every second; `over` of those are over it."""
    found = [
        one
        for number in range(600)
        for one in statements_of(distracted(script(1, key=str(number)), 0.5, over=0.3))
    ]
    assert abs(len(found) - 300) < 60
    assert abs(sum(one.at >= 0 for one in found) / len(found) - 0.3) < 0.13


def test_starts_over_an_answer_are_drawn_evenly() -> None:
    """Each pair in which a statement fits beside an answer is as likely."""
    answer = LONG[:230].strip()
    slices = len(Slicer(CL100K, 10).answer(answer))
    starts: Counter[int] = Counter()
    for number in range(1500):
        one = distracted(script(1, answer, key=str(number)), 1, over=1)
        sliced = slice_script(one, Slicer(CL100K, 10), 0, 1)
        starts[sliced.starts[2] - sliced.starts[1] + 100 * (sliced.heard[2] - 1)] += 1
    short = {place: count for place, count in starts.items() if place < 100}
    assert sorted(short) == list(range(1, slices - 1))
    mean = sum(short.values()) / len(short)
    assert all(abs(count - mean) < 5 * mean**0.5 for count in short.values())


def test_no_statement_after_a_cut_or_a_stop() -> None:
    """Only an answer that is heard whole is followed by a remark."""
    whole = script(2)
    cut = whole.utterances[1]._replace(heard=10)
    stop = Utterance("user", "Stop.", 5, 10, "stop", "stop", "offline")
    one = whole._replace(utterances=(whole.utterances[0], cut, stop))
    assert distracted(one, 2).utterances == one.utterances


def test_a_place_that_a_person_chose_is_not_moved() -> None:
    """More statements move one that stands at a slice's end; one within a slice is told instead."""
    one = script(1)
    slicer = Slicer(CL100K, 10)
    end = int(slicer.answer(LONG).code_point_ends()[-2])
    for at, moves in ((end, True), (end - 1, False)):
        remark = Utterance("user", "I see, I see.", 13, at, "statement", "statement", "edited")
        begun = one._replace(utterances=(*one.utterances, remark))
        for statements in (1.0, 3.0):
            first = statements_of(distracted(begun, statements))[0]
            assert first.text == remark.text
            assert (first.at != at) is (moves and statements > 1)


def test_a_statement_that_fits_nowhere_over_is_said_after() -> None:
    """An answer of two slices leaves no room over it."""
    short = "It is a short answer of two slices, no more."
    for seed in range(20):
        found = statements_of(distracted(script(1, short), 1, over=1, seed=seed))
        assert [one.at for one in found] == [-1]


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 2.5), st.floats(0, 1), st.integers(0, 3), st.integers(0, 9))
def test_statements_move_no_other_draw(
    statements: float, over: float, tail: int, seed: int
) -> None:
    """Messages and answers keep their slices; silence is where rule 3 says; duo adds up."""
    slicer = Slicer(CL100K, 10)
    plain = slice_script(script(), slicer, seed, tail)
    one = slice_script(distracted(script(), statements, over, seed), slicer, seed, tail)
    kept = [
        slices.ends.tolist()
        for utterance, slices in zip(one.script.utterances, one.slices, strict=True)
        if utterance.kind != "statement"
    ]
    assert kept == [slices.ends.tolist() for slices in plain.slices]
    (row,) = FORMATS["tdm"].render(joined_rows([one], 0)).to_pylist()
    contents = [part["content"] for part in row["output"]]
    pairs = [(contents[at], contents[at + 1]) for at in range(0, len(contents), 2)]
    both = [number for number, pair in enumerate(pairs) if pair == (IDLE, IDLE)]
    expected = [
        place["start"] + place["slices"]
        for place in row["utterances"]
        if place["kind"] == "statement" and not place["over"]
    ]
    last_is_remark = bool(expected) and row["utterances"][-1]["kind"] == "statement"
    last_is_remark = last_is_remark and not row["utterances"][-1]["over"]
    more = max(0, tail - 1) if last_is_remark else tail
    expected += list(range(len(pairs) - more, len(pairs)))
    assert both == sorted(expected)
    (duo,) = FORMATS["duo"].render(joined_rows([one], 0)).to_pylist()
    answers = "".join(part["content"] for part in duo["messages"] if part["role"] == "assistant")
    assert answers == LONG * 3
    for place in duo["utterances"]:
        if place["kind"] == "statement":
            before = duo["messages"][place["start"] - 1]
            after = duo["messages"][place["start"] + 1 : place["start"] + 2]
            assert duo["messages"][place["start"]]["content"].endswith("<2>")
            assert duo["states"][place["start"]] == "statement"
            if place["over"]:
                assert before["role"] == after[0]["role"] == "assistant"
            else:
                assert not after or after[0]["role"] == "user"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_script_repeats_no_statement(language: str) -> None:
    """Forty statements of a script are forty sentences."""
    recipe = Recipe("tdm", statements=10)
    bank = {language: load_bank(language, None)}
    one = script(4)._replace(language=language)
    one = finish(distract(one, Distraction(bank, Slicer(CL100K, 10), recipe)), said)
    texts = [statement.text for statement in statements_of(one)]
    assert len(set(texts)) == len(texts) == 40


def test_a_name_of_the_dialogue_is_spoken_of() -> None:
    """A name that the answers keep to fills the slot; without one no slot is used."""
    bank = Bank((("Right.",),), (("I like {topic}.",),), "")
    recipe = Recipe("tdm", statements=1, over=0, joined_statements=0)
    texts = set()
    for number in range(30):
        named = script(1, "We went to Faro, and then on to Faro by boat.", key=str(number))
        one = finish(distract(named, Distraction({"en": bank}, Slicer(CL100K, 10), recipe)), said)
        texts |= {statement.text for statement in statements_of(one)}
    assert texts == {"Right.", "I like Faro."}


def sentences_in(text: str, language: str) -> list[str] | None:
    """The sentences of the shipped list of one kind that a text is joined of."""
    for kind in load_bank(language, None).plain:
        for first in kind:
            if text == first:
                return [first]
            rest = text.removeprefix(joined((first, ""), language))
            if rest != text and (others := sentences_in(rest, language)) is not None:
                return [first, *others]
    return None


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_statements_is_joined(language: str, share: float) -> None:
    """Two or three sentences of one kind, each number as likely, all different, and rule 7."""
    recipe = Recipe("tdm", statements=2, over=0, joined_statements=share)
    bank = {language: load_bank(language, None)}
    counts: Counter[int] = Counter()
    for number in range(60):
        one = script(2, key=str(number))._replace(language=language)
        one = finish(distract(one, Distraction(bank, Slicer(CL100K, 10), recipe)), said)
        for statement in statements_of(one):
            assert fault(statement.text, language) is None
            parts = sentences_in(statement.text, language)
            assert parts is not None, statement.text
            assert len(set(parts)) == len(parts)
            counts[len(parts)] += 1
    assert counts.total() == 240
    assert set(counts) <= {1, 2, 3}
    assert abs(counts[1] - 240 * (1 - share)) < 30
    assert abs(counts[2] - counts[3]) < 45


def test_what_makes_no_statement_together_is_said_alone() -> None:
    """Two statements that break rule 7 when joined are not joined."""
    refused = ("Dinner's nearly ready, kids.", "Sorry, sweetie, Mommy's talking.")
    assert fault(" ".join(refused), "en") == "not English"
    recipe = Recipe("tdm", statements=1, over=0, joined_statements=1)
    texts = set()
    for number in range(30):
        bank = {"en": Bank((refused,), ((),), "")}
        one = finish(
            distract(script(1, key=str(number)), Distraction(bank, Slicer(CL100K, 10), recipe)),
            said,
        )
        texts |= {statement.text for statement in statements_of(one)}
    assert texts == set(refused)


@pytest.mark.parametrize(
    ("language", "statements", "text"),
    [
        ("en", ("Uh-huh", "I see."), "Uh-huh. I see."),
        ("en", ("Hmm…", "Right!", "Okay"), "Hmm… Right! Okay"),
        ("zh", ("嗯", "我在听。"), "嗯。我在听。"),
        ("zh", ("好！", "明白了"), "好！明白了"),
    ],
)
def test_joined(language: str, statements: tuple[str, ...], text: str) -> None:
    """A full stop parts those that have no mark, and a space where the language has one."""
    assert joined(statements, language) == text
