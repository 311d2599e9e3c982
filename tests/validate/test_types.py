"""Rows of several dialogues and of answers given anew, made by hand, then broken rule by rule."""

import copy
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from duplexdata.pipeline.slice.tokenizers import Tokenizer
from duplexdata.pipeline.validate import Report, validate
from duplexdata.pipeline.validate.merge import TooManyWaysError, find_merge
from duplexdata.pipeline.validate.text import Cutter

Plan = list[dict[str, Any]]
Made = tuple[str, list[str], Plan]
"""A row to come: its type, its source ids, what is said."""

IDLE = "<idle>"


def long(topic: str) -> str:
    """An answer of several slices."""
    return f"There is much to be said of {topic}, and here it is said at some length. " * 2


DIALOGUES: dict[str, list[str]] = {
    "a": ["What is a tide?", long("tides"), "And the moon, what does it do to them?", "It pulls."],
    "b": ["Hi.", "Hello.", "Tell me how bread is made at home", long("bread"), "Why?", long("air")],
    "c": ["Are you there?", "Yes.", "Good to hear.", "Ask.", "So what is a comet?", long("ice")],
    "d": ["Are you there?", "Yes.", "Good to hear.", "Ask.", "Then what is rust?", long("iron")],
    "e": ["What makes a good knot for a rope that is wet?", long("knots"), "Thanks.", "Sure."],
    "f": ["Which birds sing at night?", "Nightingales."],
}


def user(text: str, kind: str = "message", origin: str = "source") -> dict[str, Any]:
    """What a user says."""
    return {"role": "user", "text": text, "kind": kind, "origin": origin}


def assistant(
    text: str, kind: str = "answer", origin: str = "source", heard: int = 0
) -> dict[str, Any]:
    """What the assistant says, of which `heard` slices are heard; all of them if 0."""
    return {"role": "assistant", "text": text, "kind": kind, "origin": origin, "heard": heard}


def turns(name: str, begin: int = 0, end: int | None = None) -> Plan:
    """Turns of a dialogue as they are."""
    return [
        user(text) if index % 2 == 0 else assistant(text)
        for index, text in enumerate(DIALOGUES[name])
    ][begin:end]


def interwoven(order: str, names: Sequence[str] | None = None) -> Made:
    """A row of rounds in an order, a letter each."""
    plan: Plan = []
    for index, name in enumerate(order):
        done = 2 * order[:index].count(name)
        plan += turns(name, done, done + 2)
    return "topic_interweaving", list(names or dict.fromkeys(order)), plan


def regenerated() -> Made:
    """A row whose second answer is cut and given anew."""
    plan = [
        *turns("b", 0, 4),
        user("Let me put it again, tell me how bread is made at home", "repeat", "offline"),
        assistant(long("bread"), "new_answer"),
        *turns("b", 4),
    ]
    plan[3]["heard"] = 2
    return "regeneration", ["b"], plan


def reset() -> Made:
    """A row of four cuts, one of them after two short answers, one behind no transition."""
    plan: Plan = []
    for name, end in (("a", 2), ("b", 4), ("c", 6), ("d", 6), ("e", 4)):
        part = turns(name, 0, end)
        if plan:
            part[0] = user(f"Something else: {part[0]['text']}", "reset", "offline")
        if name == "c":
            part[0] = user(DIALOGUES["c"][0], "reset")
        if name != "e":
            part[-1]["heard"] = 1
        plan += part
    return "dialogue_reset", ["a", "b", "c", "d", "e"], plan


def words_of(text: str) -> list[str]:
    """The slices of a user's text, five words each."""
    words = text.split()
    return [" ".join(words[at : at + 5]) for at in range(0, len(words), 5)]


def render(made: Made, row_format: str, cutter: Cutter) -> dict[str, Any]:
    """A row as the contract has it."""
    row_type, names, plan = made
    channels: dict[str, dict[int, str]] = {"user": {}, "assistant": {}}
    messages, utterances, after, over = [], [], 0, False
    for index, one in enumerate(plan):
        role, by_user = one["role"], one["role"] == "user"
        slices = words_of(one["text"]) if by_user else cutter.slices(one["text"])
        heard = slices[: one.get("heard") or len(slices)]
        start = after if by_user else max(0, after - 1)
        channels[role] |= {start + at: text for at, text in enumerate(heard)}
        after = start + len(heard)
        unheard = "".join(slices[len(heard) :])
        tdm = row_format == "tdm"
        utterances.append(
            {
                "role": role,
                "state": "query" if by_user else None,
                "start": start if tdm else index,
                "slices": len(heard) if tdm else None,
                "over": over and by_user,
                "kind": one["kind"],
                "origin": one["origin"],
                "unheard": unheard,
            }
        )
        over = bool(unheard)
        content = one["text"] + "<1>" if by_user else "".join(heard)
        messages.append({"role": role, "content": content})
    origins = sorted({one["origin"] for one in plan} - {"source"})
    row = {
        "id": f"{row_type}-1",
        "type": row_type,
        "language": "en",
        "utterances": utterances,
        "source_ids": [f"dialogues:{name}" for name in names],
        "generator": "+".join(origins) or "source",
    }
    if row_format == "tdm":
        said = [
            {"role": role, "content": channels[role].get(pair, IDLE)}
            for pair in range(after + 1)
            for role in ("user", "assistant")
        ]
        return row | {"output": said}
    states = ["query" if one["role"] == "user" else None for one in plan]
    return row | {"messages": messages, "states": states}


@pytest.fixture(scope="module")
def cutter(tokenizer: Tokenizer) -> Cutter:
    """Cuts answers as the rows of this module are cut."""
    return Cutter(tokenizer, 10)


@pytest.fixture
def proved(tmp_path: Path, cutter: Cutter) -> Callable[..., Report]:
    """Validates rows, with the dialogues of this module as their source or without."""
    source = tmp_path / "dialogues.jsonl"
    records = [{"id": name, "data": data} for name, data in DIALOGUES.items()]
    source.write_text("".join(json.dumps(one) + "\n" for one in records), "utf-8")

    def prove(
        *rows: Made,
        row_format: str,
        compared: bool = True,
        change: Callable[[dict[str, Any]], None] | None = None,
    ) -> Report:
        file = tmp_path / "rows.jsonl"
        rendered = [render(one, row_format, cutter) for one in rows]
        for number, row in enumerate(rendered):
            row["id"] += str(number)
            if change:
                change(row)
        file.write_text("".join(json.dumps(one) + "\n" for one in rendered), "utf-8")
        return validate(file, sources=[str(source)] if compared else [])

    return prove


CLEAN = {
    "interwoven": interwoven("aebaebb"),
    "interwoven, five": interwoven("fcadceacdde", "fcade"),
    "interwoven, alike": interwoven("accddcda"),
    "interwoven, alike, the later first": interwoven("acddcdac", "acd"),
    "regenerated": regenerated(),
    "reset": reset(),
}


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", CLEAN)
def test_what_the_contract_allows_is_proved(
    proved: Callable[..., Report], row_format: str, name: str
) -> None:
    """Right rows of each type are proved, with and without their source."""
    for compared in (True, False):
        report = proved(CLEAN[name], row_format=row_format, compared=compared)
        assert report.breaches == 0, report.lines()
        assert report.proved["type"] == report.proved["rule 4"] == report.proved["schema"] == 1
        assert report.proved["source"] == compared


def change(made: Made, index: int, **values: Any) -> Made:
    """The row with an utterance changed."""
    made = copy.deepcopy(made)
    made[2][index].update(values)
    return made


def without(made: Made, begin: int, end: int) -> Made:
    """The row without some utterances."""
    return made[0], made[1], made[2][:begin] + made[2][end:]


def named(made: Made, names: str) -> Made:
    """The row with other source ids."""
    return made[0], list(names), made[2]


def swapped(made: Made, first: int, second: int) -> Made:
    """The row with the texts of two utterances exchanged."""
    texts = [made[2][at]["text"] for at in (second, first)]
    return change(change(made, first, text=texts[0]), second, text=texts[1])


def cut_whole(made: Made) -> Made:
    """A reset's first cut one answer later, in one that is not the first to be cut."""
    plan = [*copy.deepcopy(turns("b", 0, 6)), *copy.deepcopy(reset()[2][2:])]
    plan[5]["heard"] = 1
    names = ["b", "f", *made[1][2:]]
    plan[6:10] = [user("Something else: Which birds sing at night?", "reset", "offline")]
    return made[0], names, [*plan[:7], assistant("Nightingales."), *plan[7:]]


WOVEN, AGAIN, RESET = interwoven("aebaebb"), regenerated(), reset()

BROKEN: dict[str, tuple[Made, str, bool]] = {
    "two dialogues": (interwoven("aebaebb", "ae"), "type", True),
    "six dialogues": (interwoven("afcdebacdebcdb", "afcdeb"), "type", True),
    "nobody is returned to": (interwoven("aaeebbb"), "type", False),
    "as many rounds as dialogues": (without(interwoven("aebaebb"), 6, 14), "type", True),
    "ids in another order": (named(WOVEN, "eab"), "type", False),
    "a round is left out": (without(WOVEN, 12, 14), "source", False),
    "a round twice": ((WOVEN[0], WOVEN[1], WOVEN[2] + WOVEN[2][-2:]), "source", False),
    "rounds of one in another order": (swapped(swapped(WOVEN, 4, 12), 5, 13), "source", False),
    "answers exchanged": (swapped(WOVEN, 1, 3), "source", False),
    "messages exchanged": (swapped(WOVEN, 4, 12), "source", False),
    "an answer is cut": (change(WOVEN, 1, heard=2), "type", True),
    "an interjection": (change(WOVEN, 2, kind="interjection"), "type", True),
    "a message of a model": (change(WOVEN, 2, origin="gpt"), "type", True),
    "a dialogue alike in its place": (named(interwoven("aacbcbcb"), "adb"), "source", False),
    "another dialogue alike first": (interwoven("adddcacc", "acd"), "type", False),
    "nothing is cut": (change(AGAIN, 3, heard=0), "type", True),
    "two answers are cut": (change(AGAIN, 7, heard=1), "type", True),
    "the new answer is cut": (change(AGAIN, 5, heard=1), "type", True),
    "the repeat is the source's": (
        change(AGAIN, 4, origin="source", text=DIALOGUES["b"][2]),
        "type",
        True,
    ),
    "the repeat has no transition": (
        change(AGAIN, 4, text=DIALOGUES["b"][2].replace("Tell", "tell")),
        "source",
        False,
    ),
    "another message is repeated": (change(AGAIN, 4, text="Again, hi."), "source", False),
    "the repeat is an interjection": (change(AGAIN, 4, kind="interjection"), "type", True),
    "the repeat is a message": (change(AGAIN, 4, kind="message"), "type", True),
    "the new answer is an answer": (change(AGAIN, 5, kind="answer"), "type", True),
    "no new answer": (without(AGAIN, 5, 6), "type", True),
    "another new answer": (change(AGAIN, 5, text=long("air")), "source", False),
    "a new answer nobody wrote": (change(AGAIN, 5, origin="offline"), "type", True),
    "another cut answer": (change(AGAIN, 3, text=long("air")), "source", False),
    "the repeat comes later": (
        (AGAIN[0], AGAIN[1], AGAIN[2][:4] + AGAIN[2][6:] + AGAIN[2][4:6]),
        "type",
        True,
    ),
    "the dialogue does not go on": (without(AGAIN, 6, 8), "source", False),
    "made of two": (named(AGAIN, "ba"), "type", True),
    "made of four": (named(RESET, "abcd"), "type", True),
    "three cuts": (change(RESET, 1, heard=0), "type", True),
    "five cuts": (change(RESET, 19, heard=1), "type", True),
    "a reset that is a message": (change(RESET, 2, kind="message"), "type", True),
    "a reset without transition, not the source's": (
        change(RESET, 6, origin="offline"),
        "source",
        False,
    ),
    "a reset behind one, the source's": (change(RESET, 2, origin="source"), "source", False),
    "dialogues in another order": (named(RESET, "acbde"), "source", False),
    "a dialogue alike instead": (named(RESET, "abdce"), "source", False),
    "a later answer is cut": (cut_whole(RESET), "rule 4", True),
    "a short round is left out": (without(RESET, 8, 10), "source", False),
    "the last is not whole": (without(RESET, 20, 22), "source", False),
    "the last goes on": ((RESET[0], RESET[1], RESET[2] + turns("f")), "source", False),
    "a kind of another type": (change(RESET, 21, kind="new_answer"), "type", True),
}
"""What breaks a rule: the row, the check that tells, and whether it does without the source."""


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_is_broken_once(
    proved: Callable[..., Report], row_format: str, name: str
) -> None:
    """What a type forbids is told by its check, without the source where columns allow."""
    made, check, without_source = BROKEN[name]
    told = proved(made, row_format=row_format)
    assert told.broken[check] == 1, told.lines()
    alone = proved(made, row_format=row_format, compared=False)
    if check != "source":
        assert alone.broken[check] == without_source, alone.lines()
    assert bool(alone.breaches) == without_source, alone.lines()


def _not_over(kind: str) -> Callable[[dict[str, Any]], None]:
    def edit(row: dict[str, Any]) -> None:
        next(one for one in row["utterances"] if one["kind"] == kind)["over"] = False

    return edit


def _over(row: dict[str, Any]) -> None:
    row["utterances"][2]["over"] = True


def _stated(kind: str) -> Callable[[dict[str, Any]], None]:
    def edit(row: dict[str, Any]) -> None:
        next(one for one in row["utterances"] if one["kind"] == kind)["state"] = "statement"

    return edit


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
@pytest.mark.parametrize(
    ("made", "edit", "check"),
    [
        (WOVEN, _over, "rule 4"),
        (AGAIN, _not_over("repeat"), "rule 4"),
        (RESET, _not_over("reset"), "rule 4"),
        (AGAIN, _stated("repeat"), "shape"),
        (RESET, _stated("reset"), "shape"),
    ],
)
def test_columns_of_the_new_kinds_are_checked(
    proved: Callable[..., Report],
    row_format: str,
    made: Made,
    edit: Callable[[dict[str, Any]], None],
    check: str,
) -> None:
    """A repeat and a reset are queries that begin over an answer; a message is not."""
    report = proved(made, row_format=row_format, compared=False, change=edit)
    assert report.broken[check] == 1, report.lines()


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_what_a_model_worded_is_not_proved(proved: Callable[..., Report], row_format: str) -> None:
    """A new answer of a model is said not to be proved, and is no breach."""
    report = proved(change(AGAIN, 5, origin="gpt", text=long("dough")), row_format=row_format)
    assert report.breaches == report.proved["source"] == 0, report.lines()
    assert report.unproved["source", "how gpt answered anew"] == 1


@pytest.mark.parametrize("row_format", ["tdm", "duo"])
def test_a_dialogue_in_two_groups_of_a_type_is_told(
    proved: Callable[..., Report], row_format: str
) -> None:
    """A type that joins dialogues uses each once; another type may use it again."""
    report = proved(WOVEN, RESET, AGAIN, row_format=row_format)
    assert report.breaches == 0, report.lines()
    assert report.proved["groups"] == 2
    twice = proved(WOVEN, RESET, interwoven("fcdcdcd"), row_format=row_format)
    assert twice.broken["groups"] == 0, twice.lines()
    again = proved(WOVEN, interwoven("cacad"), row_format=row_format, compared=False)
    assert again.broken["groups"] == 1, again.lines()
    assert again.proved["groups"] == 0


def test_a_dialogue_in_rows_of_two_languages_is_told(proved: Callable[..., Report]) -> None:
    """All rows of a dialogue are of one language, so those of a group are of one too."""

    def edit(row: dict[str, Any]) -> None:
        row["language"] = "zh" if row["type"] == "regeneration" else "en"

    report = proved(WOVEN, AGAIN, row_format="duo", compared=False, change=edit)
    assert report.broken["language"] == 1, report.lines()


def test_a_merge_is_found_whatever_the_order() -> None:
    """Any merge of rounds is found, also of dialogues that say much the same."""
    chance = random.Random(0)  # noqa: S311  # it mixes rounds, not codes
    for _ in range(300):
        rounds = [chance.randint(1, 4) for _ in range(chance.randint(2, 5))]
        texts = [[chance.choice("xy") for _ in range(count)] for count in rounds]
        order = [whose for whose, count in enumerate(rounds) for _ in range(count)]
        chance.shuffle(order)
        spent = [0] * len(rounds)
        row = []
        for whose in order:
            row.append(texts[whose][spent[whose]])
            spent[whose] += 1

        def fits(
            index: int, whose: int, number: int, row: Any = tuple(row), texts: Any = texts
        ) -> bool:
            return bool(row[index] == texts[whose][number])

        found, _ = find_merge(rounds, fits, ordered=False, returning=False)
        assert found is not None
        assert sorted(whose for whose, _ in found) == sorted(order)


def test_a_merge_that_is_none_is_given_up_at_last() -> None:
    """Dialogues that say the same throughout are searched up to a limit."""
    rounds = [40] * 5
    with pytest.raises(TooManyWaysError):
        find_merge(
            rounds, lambda index, _whose, _number: index < 199, ordered=False, returning=True
        )
    assert find_merge([2, 2], lambda *_: True, ordered=True, returning=True)[0] == [
        *((0, 0), (1, 0)),
        *((0, 1), (1, 1)),
    ]
    assert find_merge([1, 1], lambda *_: True, ordered=True, returning=True) == (None, 2)
