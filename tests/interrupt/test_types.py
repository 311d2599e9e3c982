"""The interaction types, tested by sending replies to their generator functions."""

from collections import Counter
from dataclasses import replace

import pytest

from duplexdata.pipeline.chance import Chance
from duplexdata.pipeline.dialogue import Dialogue, Reply, Script
from duplexdata.pipeline.generate import finish
from duplexdata.pipeline.interrupt import TYPES
from duplexdata.pipeline.interrupt.transitions import Transitions
from duplexdata.pipeline.markers import JOINER

from .scripting import INTERJECTIONS, STOPS, dialogue, joined, script_of, setting

NAME = "generation_termination"


def terminated(one: Dialogue, seed: int = 0, stop_share: float = 0.5) -> Script:
    """The generation_termination script of a dialogue."""
    chance = Chance(seed, (one.key,))
    return finish(TYPES[NAME].script([one], chance, setting(stop_share)), joined)


THREE_ROUNDS = dialogue("one?", "a b c d", "two?", "e f", "three?", "g h i")


def test_uninterrupted_is_the_dialogue() -> None:
    """Every turn is an utterance heard whole; nothing is asked, nothing is written."""
    scripting = TYPES["uninterrupted"].script([THREE_ROUNDS], Chance(0), setting())
    with pytest.raises(StopIteration) as done:
        next(scripting)
    script = done.value.value
    assert [one.text for one in script.utterances] == [turn.text for turn in THREE_ROUNDS.turns]
    assert [one.state for one in script.utterances] == ["query", None] * 3
    assert not any(one.cut or one.at >= 0 for one in script.utterances)
    assert script.generator == "source"


def test_user_text_is_trimmed_and_assistant_text_never() -> None:
    """White space at the edges goes from a message and stays with an answer."""
    script = finish(
        TYPES["uninterrupted"].script([dialogue("\n hi \t", " yes\n")], Chance(0), setting()),
        joined,
    )
    assert [one.text for one in script.utterances] == ["hi", " yes\n"]


def test_texts_are_defused() -> None:
    """A control token in a source text reaches no script (rule 6)."""
    script = finish(
        TYPES["uninterrupted"].script([dialogue("<1>?", "<idle>")], Chance(0), setting()), joined
    )
    assert [one.text for one in script.utterances] == [f"<{JOINER}1>?", f"<{JOINER}idle>"]


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_answer_is_followed_by_who_cut_in(seed: int) -> None:
    """One answer is cut, before its end; the user begins over it where it stops."""
    utterances = terminated(THREE_ROUNDS, seed).utterances
    (cut,) = [number for number, one in enumerate(utterances) if one.cut]
    cutting = utterances[cut + 1]
    assert utterances[cut].role == "assistant"
    assert 0 < utterances[cut].heard < len(utterances[cut].text)
    assert cutting.role == "user"
    assert cutting.at == utterances[cut].heard
    assert [one.at for one in utterances if one is not cutting] == [-1] * (len(utterances) - 1)


@pytest.mark.parametrize(("bare", "expected"), [(None, 1 / 3), (0.0, 0.0), (0.6, 0.6), (1.0, 1.0)])
def test_a_share_of_interjections_is_bare(bare: float | None, expected: float) -> None:
    """Without a share the empty transition is one of three; with one, the others are even."""
    own = replace(setting(stop_share=0), bare_share=bare)
    said: Counter[str] = Counter()
    for number in range(600):
        script = script_of(
            "generation_termination", [THREE_ROUNDS._replace(key=str(number))], 0, own
        )
        (one,) = [one for one in script.utterances if one.kind == "interjection"]
        said[one.text.partition("|")[0] if one.origin != "source" else ""] += 1
    assert abs(said[""] / 600 - expected) < 0.07
    assert abs(said["Wait,"] - said["Hold on."]) < 80


def test_a_share_of_resets_is_bare() -> None:
    """The share holds for changes of subject, too, each drawn by itself."""
    own = replace(setting(), bare_share=0.5)
    resets = [
        one.origin == "source"
        for seed in range(60)
        for one in script_of(
            "dialogue_reset", [dialogue("a?", "b c d", name=str(n)) for n in range(5)], seed, own
        ).utterances
        if one.kind == "reset"
    ]
    assert len(resets) == 240
    assert abs(sum(resets) - 120) < 35


@pytest.mark.parametrize("seed", range(40))
def test_a_stop_ends_the_row(seed: int) -> None:
    """After a transition that asks for silence nothing follows."""
    utterances = terminated(THREE_ROUNDS, seed, stop_share=1).utterances
    assert utterances[-1].kind == utterances[-1].state == "stop"
    assert utterances[-1].text in STOPS
    assert utterances[-1].origin == "offline"
    assert utterances[-2].cut


@pytest.mark.parametrize("seed", range(40))
def test_an_interjection_carries_the_next_message_and_the_dialogue_goes_on(seed: int) -> None:
    """No message and no answer of the dialogue is lost but the cut answer's rest."""
    script = terminated(THREE_ROUNDS, seed, stop_share=0)
    assert len(script.utterances) == len(THREE_ROUNDS.turns)
    for utterance, turn in zip(script.utterances, THREE_ROUNDS.turns, strict=True):
        if utterance.kind == "interjection":
            transition, _, message = utterance.text.rpartition("|")
            assert message == turn.text
            assert transition in INTERJECTIONS
            assert utterance.origin == ("test-writer" if transition else "source")
            assert utterance.state == "query"
        else:
            assert utterance.text == turn.text


def test_the_share_of_stops_is_the_recipes() -> None:
    """Where both kinds fit, the share of stops is stop_share."""
    kinds = Counter(terminated(THREE_ROUNDS, seed, 0.2).utterances[-1].kind for seed in range(3000))
    assert abs(kinds["stop"] / 3000 - 0.2) < 5 * (0.2 * 0.8 / 3000) ** 0.5


def test_transitions_answers_and_places_are_drawn_evenly() -> None:
    """Each interjection, each answer it fits, and each place in that answer is as likely."""
    transitions: Counter[str] = Counter()
    places: dict[int, Counter[int]] = {0: Counter(), 1: Counter()}
    for seed in range(3000):
        utterances = terminated(THREE_ROUNDS, seed, stop_share=0).utterances
        (cut,) = [number for number, one in enumerate(utterances) if one.cut]
        transitions[utterances[cut + 1].text.rpartition("|")[0]] += 1
        places[cut // 2][utterances[cut].heard] += 1
    assert set(transitions) == set(INTERJECTIONS)
    assert all(abs(count - 1000) < 130 for count in transitions.values())
    assert abs(places[0].total() - 1500) < 140
    assert set(places[0]) == {1, 3, 5}
    assert all(abs(count - 500) < 110 for count in places[0].values())
    assert set(places[1]) == {1}


def test_last_answer_is_cut_only_by_a_stop() -> None:
    """An interjection needs a next message, so a single round can only be stopped."""
    single = dialogue("one?", "a b c")
    assert {terminated(single, seed).utterances[-1].kind for seed in range(30)} == {"stop"}
    assert TYPES[NAME].missing([single], setting(stop_share=0)) == "no_cuttable_answer"


@pytest.mark.parametrize(
    ("texts", "stops", "reason"),
    [
        (("q", "a"), STOPS, "no_cuttable_answer"),
        (("q", "a", "r", "b"), STOPS, "no_cuttable_answer"),
        (("q", "a", "r", "b c"), STOPS, None),
        (("q", "a", "r", "b c"), (), "no_cuttable_answer"),
        (("q", "a b", "r", "c"), (), None),
    ],
)
def test_what_cannot_be_cut_is_left_out(
    texts: tuple[str, ...], stops: tuple[str, ...], reason: str | None
) -> None:
    """A dialogue without a place that a transition fits is left out by name (rule 4)."""
    assert TYPES[NAME].missing([dialogue(*texts)], setting(stops=stops)) == reason


def test_scripts_of_one_seed_are_one_script() -> None:
    """Planned again from the seed, a script is the same; another seed tells another story."""
    scripts = [terminated(THREE_ROUNDS, seed) for seed in (3, 3)]
    assert scripts[0] == scripts[1]
    assert len({terminated(THREE_ROUNDS, seed).utterances for seed in range(20)}) > 5


@pytest.mark.parametrize("seed", range(10))
def test_a_reply_is_defused(seed: int) -> None:
    """A control token in what came back, or where transition and message met, is defused."""
    scripting = TYPES[NAME].script([THREE_ROUNDS], Chance(seed, ("x",)), setting(stop_share=0))
    script = finish(scripting, lambda _ask: Reply((" <1>\n",), "test-writer"))
    written = [one.text for one in script.utterances if one.origin == "test-writer"]
    bare = next(one for one in script.utterances if one.kind == "interjection").origin == "source"
    assert written == ([] if bare else [f"<{JOINER}1>"])


def test_chinese_uses_its_own_transitions() -> None:
    """The transitions are those of the dialogue's language."""
    chinese = THREE_ROUNDS._replace(language="zh")
    kinds = {(NAME, "stop"): ("停。",), (NAME, "interjection"): ()}
    own = replace(setting(), transitions={"zh": Transitions(kinds, "")})
    script = finish(TYPES[NAME].script([chinese], Chance(0), own), joined)
    assert script.utterances[-1].text == "停。"
    assert script.language == "zh"
