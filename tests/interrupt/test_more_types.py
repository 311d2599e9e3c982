"""Regeneration, dialogue reset, topic interweaving and back on topic."""

import itertools
from collections import Counter

import pytest

from duplexdata.pipeline.dialogue import Dialogue
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.interrupt.asides import listen

from .scripting import CHANGES, CONTRADICTS, RESTATES, dialogue, script_of, setting

ROUNDS = dialogue("one?", "a b c d", "two?", "e f", "three?", "g h i")
FIVE = [
    dialogue(f"first {name}?", "x", f"second {name}?", "a b c", f"third {name}?", "d e", name=name)
    for name in "pqrst"
]


@pytest.mark.parametrize("seed", range(30))
def test_regeneration_says_the_question_again_and_goes_on(seed: int) -> None:
    """Cut answer, its own question again, a new answer, and then the rest of the dialogue."""
    utterances = script_of("regeneration", [ROUNDS], seed).utterances
    (cut,) = [number for number, one in enumerate(utterances) if one.cut]
    question, repeat, new = utterances[cut - 1], utterances[cut + 1], utterances[cut + 2]
    assert (repeat.kind, repeat.state, repeat.at) == ("repeat", "query", utterances[cut].heard)
    transition, _, message = repeat.text.partition("|")
    assert transition in RESTATES
    assert message == question.text
    assert (new.kind, new.role) == ("new_answer", "assistant")
    assert new.text.startswith(f"answer|{question.text}|{utterances[cut].text}|")
    rest = [*utterances[: cut + 1], *utterances[cut + 3 :]]
    assert [one.text for one in rest] == [turn.text for turn in ROUNDS.turns]


def test_a_contradiction_needs_a_writer_that_answers_anew() -> None:
    """Offline only restates; a writer of new answers is also contradicted."""
    for anew, allowed in ((False, set(RESTATES)), (True, {*RESTATES, *CONTRADICTS})):
        own = setting(answers_anew=anew)
        found = set()
        for seed in range(60):
            utterances = script_of("regeneration", [ROUNDS], seed, own).utterances
            found |= {one.text.partition("|")[0] for one in utterances if one.kind == "repeat"}
        assert found == allowed


@pytest.mark.parametrize("seed", range(30))
def test_dialogue_reset_cuts_the_first_that_can_be(seed: int) -> None:
    """Each of the first four is cut in its first cuttable answer; the last runs whole."""
    script = script_of("dialogue_reset", FIVE, seed)
    cuts = [number for number, one in enumerate(script.utterances) if one.cut]
    assert cuts == [3, 7, 11, 15]
    for number, next_one in zip(cuts, FIVE[1:], strict=True):
        assert script.utterances[number].text == "a b c"
        reset = script.utterances[number + 1]
        assert (reset.kind, reset.state) == ("reset", "query")
        assert reset.at == script.utterances[number].heard
        transition, _, message = reset.text.rpartition("|")
        assert message == next_one.turns[0].text
        assert transition in CHANGES
        assert reset.origin == ("test-writer" if transition else "source")
    assert [one.text for one in script.utterances[17:]] == [turn.text for turn in FIVE[4].turns[1:]]
    assert script.source_ids == tuple(one.source_id for one in FIVE)


def test_only_a_dialogue_that_can_be_cut_leads_a_reset() -> None:
    """Whose answers all have one slice can only stand last."""
    grouping = TYPES["dialogue_reset"].grouping
    assert grouping is not None
    assert grouping.can_lead(FIVE[0], setting())
    assert not grouping.can_lead(dialogue("q", "a", "r", "b"), setting())


@pytest.mark.parametrize("seed", range(30))
def test_interweaving_keeps_rounds_and_order_and_returns(seed: int) -> None:
    """Whole rounds, each dialogue's own in order, and somebody is left and returned to."""
    group = FIVE[:3]
    script = script_of("topic_interweaving", group, seed)
    whose = {turn.text: one for one in group for turn in one.turns if turn.role == "user"}
    visits = [whose[one.text] for one in script.utterances if one.role == "user"]
    for one in group:
        said = [
            pair
            for question, answer in zip(
                script.utterances[0::2], script.utterances[1::2], strict=True
            )
            if whose[question.text] is one
            for pair in (question.text, answer.text)
        ]
        assert said == [turn.text for turn in one.turns]
    changes = sum(a is not b for a, b in itertools.pairwise(visits))
    assert changes + 1 > len(group)
    assert script.source_ids == tuple(one.source_id for one in dict.fromkeys(visits))
    assert not any(one.cut or one.at >= 0 for one in script.utterances)


def test_interweaving_draws_every_order_that_returns() -> None:
    """Of two dialogues of two rounds there are four orders in which one is returned to."""
    pair = [dialogue("a?", "1", "b?", "2", name="x"), dialogue("c?", "3", "d?", "4", name="y")]
    orders = Counter(
        "".join(one.text[0] for one in script_of("topic_interweaving", pair, seed).utterances[::2])
        for seed in range(800)
    )
    assert set(orders) == {"acbd", "acdb", "cabd", "cadb"}
    assert min(orders.values()) > 140


def test_single_rounds_cannot_be_returned_to() -> None:
    """A group in which nobody has a second round is left out by name."""
    singles = [dialogue(f"{name}?", "a", name=name) for name in "pqr"]
    missing = TYPES["topic_interweaving"].missing
    assert missing(singles, setting()) == "no_round_to_return_to"
    assert missing([*singles, FIVE[0]], setting()) is None


TALK = dialogue(
    "Tell me about Faro.",
    "It lies in the south. The old town of Faro has walls. "
    "They were built long before the harbour was dug. And then came the tourists.",
    "Thanks.",
    "My pleasure, as ever.",
)


@pytest.mark.parametrize("seed", range(30))
def test_back_on_topic_asks_answers_and_goes_on(seed: int) -> None:
    """An aside over an answer, a resumption that ends in what was still to be said, the rest."""
    utterances = script_of("back_on_topic", [TALK], seed).utterances
    (cut,) = [number for number, one in enumerate(utterances) if one.cut]
    aside, resumption = utterances[cut + 1], utterances[cut + 2]
    assert (aside.kind, aside.state, aside.at) == ("aside", "query", utterances[cut].heard)
    assert (resumption.kind, resumption.role) == ("resumption", "assistant")
    rest = resumption.text.rpartition("|")[2]
    assert utterances[cut].text.endswith(rest)
    assert len(rest) >= len(utterances[cut].text) - utterances[cut].heard
    kept = [*utterances[: cut + 1], *utterances[cut + 3 :]]
    assert [one.text for one in kept] == [turn.text for turn in TALK.turns]


@pytest.mark.parametrize(
    ("heard", "kinds"),
    [
        ("It lies in the", set()),
        ("It lies in the south. The", {"repeat"}),
        ("It lies in the south. The old town of Faro has", {"repeat", "spelling"}),
        ("It lies in the south. The old town of Faro", {"repeat"}),
    ],
)
def test_what_can_be_asked_is_true_of_the_text(heard: str, kinds: set[str]) -> None:
    """A sentence must have ended, a term must have been said whole."""
    answer = listen(TALK.turns[1].text, "en")
    asides = answer.asides(len(heard))
    assert set(asides) == kinds
    if "repeat" in kinds:
        assert asides["repeat"].slots == {"sentence": "It lies in the south."}
    if "spelling" in kinds:
        assert asides["spelling"].slots == {"term": "Faro", "letters": "F-A-R-O"}


@pytest.mark.parametrize(
    ("text", "heard", "ordinal"),
    [
        ("1. Wash it.\n2. Dry it.\n3. Fold it.", "1. Wash it.\n2. Dry", "second"),
        ("1. Wash it.\n2. Dry it.\n3. Fold it.", "1. Wash it.\n2. Dry it.\n3. Fo", "third"),
        ("1. Wash it.\n2. Dry it.\n3. Fold it.", "1. Wa", None),
        (
            "1. Wash it.\n2. Dry it:\n   well.\nDone now.",
            "1. Wash it.\n2. Dry it:\n   we",
            "second",
        ),
        ("1. Wash it.\n2. Dry it.\nDone now.", "1. Wash it.\n2. Dry it.\nDone", None),
        ("1. Wash it.\n2. Dry it.\n\n- More", "1. Wash it.\n2. Dry it.\n\n- Mo", None),
        ("1. Wash it.\n3. Fold it.", "1. Wash it.\n3. Fo", None),
        ("1. Wash.\n2. Dry.\n1. Fold.\n2. Rest.", "1. Wash.\n2. Dry.\n1. Fold.\n2. R", None),
        ("```\n1. a\n2. b\n```\n", "```\n1. a\n2. b", None),
    ],
)
def test_items_are_counted_in_plain_lists_only(text: str, heard: str, ordinal: str | None) -> None:
    """The number asked for is that of the item that is being said; never within code."""
    aside = listen(text, "en").asides(len(heard)).get("item")
    assert (aside and aside.slots["n"]) == ordinal


@pytest.mark.parametrize(
    ("heard", "ends", "resumed"),
    [
        ("It lies in the south. The old", 1, "The old"),
        ("It lies in the south. The old town of Fa", 9, "Faro"),
        ("It lies in the south.", 1, " The old"),
        ("It lies in the south. ", 1, "The old"),
    ],
)
def test_it_goes_on_from_the_sentence_or_the_word(heard: str, ends: int, resumed: str) -> None:
    """From the cut sentence; from the cut word where that began more than three slices ago."""
    text = TALK.turns[1].text
    answer = listen(text, "en")
    slices = [len(heard) * (number + 1) // ends for number in range(ends)]
    assert text[answer.resume_at(slices, len(heard)) :].startswith(resumed)


def test_nothing_to_ask_is_left_out() -> None:
    """An answer of one sentence without a name gives no aside."""
    plain: Dialogue = dialogue("q?", "well it is what it is and goes on and on")
    assert TYPES["back_on_topic"].missing([plain], setting()) == "no_cuttable_answer"
