"""What a model writes is refused for what is wrong with it, and for nothing else."""

import json
from collections.abc import Sequence
from time import process_time
from typing import Any

import pytest

from duplexdata.pipeline.dialogue import Ask, Utterance
from duplexdata.pipeline.generate.checks import checked
from duplexdata.pipeline.generate.parsing import Unfit, content_of, parsed
from duplexdata.pipeline.generate.prompts import KINDS, load_prompts
from duplexdata.pipeline.generate.task import HEAD, HISTORY, Task, task_of
from duplexdata.pipeline.markers import DEFAULT_MARKERS

MESSAGE = "Can you compare 3 hotels in Porto for 250 euros, with breakfast?"
REST = "The second hotel lies by the river, and its breakfast costs 12 euros a person."
FUSE = Ask("fuse", "en", {"transition": "Wait,", "message": MESSAGE})
FUSE_ZH = Ask(
    "fuse", "zh", {"transition": "等一下，", "message": "里斯本三天的行程怎么安排比较好？"}
)
ANSWER = Ask(
    "answer",
    "en",
    {
        "question": "Which hotel is the best?",
        "answer": "The first hotel is best because the garden behind the building stays quiet.",
        "heard": "The first hotel is best because the garden behind the building",
        "transition": "No, that's wrong.",
    },
)
ASIDE = Ask(
    "aside",
    "en",
    {"question": "?", "answer": "", "bridge": "", "said": "The first is dear. ", "rest": REST},
)
STATEMENT = Ask("statement", "en", {"statements": ("Right.", "I see."), "after": [1, 3]})


def task(ask: Ask) -> Task:
    """The task of an ask."""
    return task_of(ask, DEFAULT_MARKERS)


def fault_of(ask: Ask, reply: object) -> str | None:
    """What is wrong with a reply."""
    content = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    try:
        checked(task(ask), content, DEFAULT_MARKERS)
    except Unfit as unfit:
        return unfit.fault
    return None


GOOD: Sequence[tuple[Ask, object]] = (
    (FUSE, {"text": f"Hang on, {MESSAGE[0].lower()}{MESSAGE[1:]}"}),
    (FUSE_ZH, {"text": "等等，先问一下，里斯本三天的行程怎么安排比较好？"}),
    (ANSWER, {"text": "I would take the second one: it is cheaper and lies by the river."}),
    (ASIDE, {"question": "Dear in what way?", "resumption": f"In money. So, as I said: {REST}"}),
    (STATEMENT, {"statements": ["My sister loved the river there.", "Porto was rainy last May."]}),
)


@pytest.mark.parametrize(("ask", "reply"), GOOD, ids=lambda one: getattr(one, "kind", ""))
def test_a_good_reply_passes(ask: Ask, reply: object) -> None:
    """What is asked for is taken."""
    assert fault_of(ask, reply) is None


def fused(text: str) -> tuple[Ask, object]:
    """A reply to the ask to fuse."""
    return FUSE, {"text": text}


WHOLE = f"Hang on, {MESSAGE}"


@pytest.mark.parametrize(
    ("fault", "ask", "reply"),
    [
        ("not_json", FUSE, "Hang on!"),
        ("not_json", FUSE, '{"text" "no colon"}'),
        ("wrong_shape", FUSE, {"response": {"text": 1}}),
        ("wrong_shape", STATEMENT, {"statements": "one"}),
        ("empty", *fused(" ... ")),
        ("not_text", *fused(f"{WHOLE}\x07")),
        ("not_text", *fused(f"{WHOLE}\ufffd")),
        ("role_name", *fused(f"User: {WHOLE}")),
        ("leftover_slot", *fused(f"{WHOLE} {{topic}}")),
        ("control_token", *fused(f"{WHOLE}<1>")),
        ("about_itself", *fused(f"As an AI language model, {WHOLE}")),
        ("refusal", *fused(f"I'm sorry, but I can't help with that. {MESSAGE}")),
        ("no_transition", *fused(MESSAGE)),
        ("too_long", *fused(f"{WHOLE} {'and so on and on ' * 30}")),
        ("lost_words", *fused("Hang on, can you compare hotels in Porto for 250 euros?")),
        ("lost_words", *fused("Hang on, compare 3 things for 250 please?")),
        ("wrong_language", *fused("等一下，请比较波尔图的三家酒店，预算250欧元，含早餐 3")),
        ("wrong_language", *fused(f"Погодите, сравните отели в Порту с завтраком. {MESSAGE}")),
        ("wrong_language", FUSE_ZH, {"text": "Wait, how should I plan three days in Lisbon?"}),
        ("lost_words", FUSE_ZH, {"text": "等等，我想问点别的事情。"}),
        ("refusal", FUSE_ZH, {"text": "很抱歉，我无法协助完成这个请求。"}),
        ("about_itself", FUSE_ZH, {"text": "作为一个人工智能语言模型，里斯本三天的行程怎么安排？"}),
        ("too_short", ANSWER, {"text": "The second."}),
        ("too_long", ANSWER, {"text": "The second hotel is nice. " * 400}),
        ("the_same_answer", ANSWER, {"text": ANSWER.values["answer"]}),
        ("not_a_question", ASIDE, {"question": "I see.", "resumption": f"Yes. {REST}"}),
        ("not_a_question", ASIDE, {"question": "So?\nAnd?", "resumption": f"Yes. {REST}"}),
        ("lost_rest", ASIDE, {"question": "Why?", "resumption": "Because it is central, that is."}),
        ("too_long", ASIDE, {"question": "Why?", "resumption": f"{REST} " * 40}),
        ("wrong_count", STATEMENT, {"statements": ["My sister loved it there."]}),
        ("said_twice", STATEMENT, {"statements": ["It is dear.", "It is dear!"]}),
        ("too_long", STATEMENT, {"statements": ["It is very dear. " * 20, "I was there in May."]}),
        ("needs_answer", STATEMENT, {"statements": ["What about the other one?", "It is dear."]}),
    ],
)
def test_a_bad_reply_is_refused_by_name(fault: str, ask: Ask, reply: object) -> None:
    """Each rule names what it refuses."""
    assert fault_of(ask, reply) == fault


def test_a_fault_has_words_in_each_language() -> None:
    """Every fault that a check or the parser names can be told to a model."""
    english, chinese = (load_prompts({})[language] for language in ("en", "zh"))
    assert set(english.faults) == set(chinese.faults)
    for ask, reply in GOOD:
        assert fault_of(ask, reply) is None
    for name in english.faults:
        assert english.faults[name] in english.ask_again(name)
        assert "{" not in english.ask_again(name) + chinese.ask_again(name)


def test_what_the_source_says_itself_is_no_fault() -> None:
    """A marker, a slot or talk about models in the message may come back with it."""
    message = "Is <1> a token, is {topic} a slot, and are you a language model?"
    ask = Ask("fuse", "en", {"transition": "Wait,", "message": message})
    assert fault_of(ask, {"text": f"Oh wait, {message}"}) is None


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "```json\n{}\n```",
        "Sure! Here is the JSON:\n\n{}\n\nLet me know {if} you need more!",
        "Thinking about {the form}... {}",
    ],
)
def test_json_is_found_in_what_stands_around_it(around: str) -> None:
    """Fences and prose do no harm."""
    reply = {"text": 'a {"b"} \n"c"'}
    assert parsed(around.replace("{}", json.dumps(reply)), "fuse") == reply


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<think>Maybe {"text": "A draft."} no.</think>{"text": "Plants…"}', "Plants…"),
        ('<thinking>{"text": "A draft."}</thinking>\n\n{"text": "Plants…"}', "Plants…"),
        ('So {"text": "A draft."}? No.\n</think>\n```json\n{"text": "Plants…"}\n```', "Plants…"),
        ('<reasoning>{} {"text": 1}</reasoning> {"text": "Plants…"} Done {"text": 2}', "Plants…"),
        ('I could write {"text": "draft"} but better: {"text": "final"}', "final"),
        (f'Sets: {"{a} " * 30}and {{"text": "final"}}', "final"),
        (f'{"{" * 30} {{"text": "final"}} {"{" * 30}', "final"),
        ('{"text": "if (a) { b({}) } " }', "if (a) { b({}) } "),
        (json.dumps({"text": "{" * 200}), "{" * 200),
        (json.dumps({"text": 'Say {"text": "inner"} here.'}), 'Say {"text": "inner"} here.'),
        ('{"text": "The tag </think> ends it."}', "The tag </think> ends it."),
        ('{"text": "one\nline,\tand another"}', "one\nline,\tand another"),
    ],
)
def test_the_last_value_that_fits_is_taken(content: str, expected: str) -> None:
    """What stands before it is reasoning and drafts; how many braces does not matter."""
    assert parsed(content, "fuse") == {"text": expected}


def test_a_draft_alone_is_no_reply() -> None:
    """A value within reasoning is not taken for what should have followed it."""
    with pytest.raises(Unfit, match="not_json"):
        parsed('<think>Maybe {"text": "A draft."}</think>Sorry, no.', "fuse")


@pytest.mark.parametrize("piece", ["{", '{"', '{"text":', '{"text":[', '{"text": "a ', "{}", "[{"])
def test_a_long_reply_without_a_value_costs_little(piece: str) -> None:
    """Each place is looked at once, and few are tried."""
    begun = process_time()
    with pytest.raises(Unfit):
        parsed(piece * 100_000, "fuse")
    assert process_time() - begun < 2


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("fuse", r'{"text": "Oh \ud83d"}'),
        ("statement", r'{"statements": ["Right.", "\udc00"]}'),
        ("critique", r'{"ok": false, "why": "\ud83d"}'),
    ],
)
def test_half_a_character_is_no_text(kind: str, content: str) -> None:
    """JSON can spell what neither a file nor a server takes."""
    with pytest.raises(Unfit, match="not_text"):
        parsed(content, kind)
    assert parsed(r'{"text": "Oh \ud83d\ude00"}', "fuse") == {"text": "Oh \U0001f600"}


def raw(message: object, reason: str = "stop") -> str:
    """A response body with one choice."""
    return json.dumps({"choices": [{"message": message, "finish_reason": reason}]})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (raw({"content": "x"}), ("x", None)),
        (raw({"content": [{"type": "text", "text": "x"}, {"type": "image"}]}), ("x", None)),
        (raw({"content": "x"}, "length"), ("x", "cut_off")),
        (raw({"content": "x"}, "content_filter"), ("x", "refusal")),
        (raw({"content": None, "refusal": "no"}), ("no", "refusal")),
        (raw({"content": ""}), ("", "no_choices")),
        (raw({"content": 5}), ("", "no_choices")),
        (raw({"content": "a\ud83d"}), ("a?", None)),
        ('{"choices": []}', ("", "no_choices")),
        ('{"choices": [null]}', ("", "no_choices")),
        ('{"choices": [{"message": null}]}', ("", "no_choices")),
        ('{"choices": [{"message": null, "finish_reason": "length"}]}', ("", "cut_off")),
        (raw("hello"), ("", "no_choices")),
        (raw(["hello"]), ("", "no_choices")),
        ('{"choices": {"message": {"content": "x"}}}', ("", "no_choices")),
        ('{"choices": "hello"}', ("", "no_choices")),
        ('[{"choices": []}]', ("", "no_choices")),
    ],
)
def test_a_response_of_any_form_is_read(body: str, expected: tuple[str, str | None]) -> None:
    """Whatever a server sends is a text or a fault, and no error."""
    assert content_of(body) == expected


def test_a_long_message_is_fused_by_its_head() -> None:
    """The model sees the first sentences; the rest comes back as it was."""
    message = "Please look at this. " + "x = 1\n" * 2000
    ask = Ask("fuse", "en", {"transition": "Wait,", "message": message.strip()})
    own = task(ask)
    assert len(own.values["message"]) <= HEAD
    assert own.values["message"] + own.tail == message.strip()
    (text,) = checked(own, json.dumps({"text": f"Oh, {own.values['message']}"}), DEFAULT_MARKERS)
    assert text == f"Oh, {message.strip()}"


@pytest.mark.parametrize("text", ["x" * 5000, "a b " * 2000, "好" * 4000])
def test_a_text_without_sentences_is_parted_too(text: str) -> None:
    """Nothing is lost of it, and the head keeps its bound."""
    own = task(Ask("fuse", "en", {"transition": "Wait,", "message": text.strip()}))
    assert own.values["message"] + own.tail == text.strip()
    assert 0 < len(own.values["message"]) <= HEAD


def test_a_long_history_is_shortened_and_keeps_its_numbers() -> None:
    """Each message stays, so that places among them stay what they were."""
    said: list[Any] = [
        Utterance(
            "user" if n % 2 else "assistant", "word " * 900, 4500, -1, None, "answer", "source"
        )
        for n in range(40)
    ]
    ask = Ask("statement", "en", {"statements": ("a",), "after": [39]}, history=said)
    history = task(ask).values["history"]
    assert len(history) == 40
    assert sum(len(one["content"]) for one in history) <= 1.2 * HISTORY


def test_only_what_was_heard_is_shown() -> None:
    """A cut answer ends where it was cut, and is not defused in a prompt."""
    cut = Utterance("assistant", "One <\u20601> two three", 9, -1, None, "answer", "source")
    ask = Ask("statement", "en", {"statements": ("a",), "after": [0]}, history=[cut])
    assert task(ask).values["history"] == [{"role": "assistant", "content": "One <1> "}]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_instructions(kind: str) -> None:
    """In each language, with the names of the reply's keys."""
    for prompts in load_prompts({}).values():
        assert '{"' in prompts.instructions[kind]
