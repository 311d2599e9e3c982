"""The fake engine writes what passes, and what is wrong in a way that was asked for."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from duplexdata.pipeline.declarative import fault
from duplexdata.pipeline.generate import fake
from duplexdata.pipeline.generate.fake.faults import FAULTS
from duplexdata.pipeline.generate.fake.texts import KINDS, phrases
from duplexdata.pipeline.load.language import guess_language

SAID = {
    "en": "Give it the brightest window you have, and water it only when the top of the soil",
    "zh": "把它放在最明亮的窗口，土壤表面干了再浇水，",
}
REST = {
    "en": " feels dry. Keep the leaves away from cold glass at night.",
    "zh": "晚上不要让叶子碰到冰冷的玻璃。",
}
QUESTION = {"en": "How do I keep a pot of basil alive over winter?", "zh": "冬天怎么养好罗勒？"}
TRANSITION = {"en": "Hold on,", "zh": "等一下，"}
MESSAGE = {"en": "How many of the 12 tomato plants need a net?", "zh": "这12棵番茄里有几棵需要网？"}


def body(kind: str, language: str = "en", number: int = 0, **values: Any) -> dict[str, Any]:
    """A request of the kind; another number, another request."""
    history = [
        {"role": "user", "content": QUESTION[language]},
        {"role": "assistant", "content": SAID[language] + REST[language]},
    ]
    of_kind: dict[str, dict[str, Any]] = {
        "fuse": {"transition": TRANSITION[language], "message": MESSAGE[language]},
        "answer": {
            "history": history[:1],
            "question": QUESTION[language],
            "refused_answer": SAID[language] + REST[language],
            "transition": "",
        },
        "aside": {"history": history[:1], "said": SAID[language], "rest": REST[language]},
        "statement": {"history": history, "count": 3},
        "critique": {"judged": "statement", "text": "That is new to me.", "history": history},
        "chat": {},
    }
    content = json.dumps({"language": language} | of_kind[kind] | values, ensure_ascii=False)
    form = {"type": "json_schema", "json_schema": {"name": kind, "strict": True, "schema": {}}}
    return {
        "model": "fake-small",
        "messages": [
            {"role": "system", "content": f"Instructions, number {number}."},
            {"role": "user", "content": "Hello there." if kind == "chat" else content},
        ],
        **({} if kind == "chat" else {"response_format": form}),
    }


def message_of(made: fake.Fake) -> dict[str, Any]:
    """The assistant's message."""
    message: dict[str, Any] = json.loads(made.raw)["choices"][0]["message"]
    return message


def reply_of(made: fake.Fake) -> dict[str, Any]:
    """The reply that the message holds."""
    reply: dict[str, Any] = json.loads(message_of(made)["content"])
    return reply


def texts_of(made: fake.Fake) -> list[str]:
    """The texts of a reply."""
    reply = reply_of(made)
    return reply.get("statements") or list(reply.values())


LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
WORDED = ["fuse", "answer", "aside", "statement"]


def test_a_reply_depends_on_the_body_alone() -> None:
    """The order of keys changes nothing, a seed or a word of the body does."""
    asked = body("answer")
    again = dict(reversed(asked.items()))
    assert list(asked) != list(again)
    assert fake.answer(asked) == fake.answer(again)
    others = {fake.answer(asked, seed=1).raw, fake.answer(body("answer", number=1)).raw}
    assert len(others | {fake.answer(asked).raw}) == 3


def test_what_is_asked_again_is_another_request() -> None:
    """A fault does not stay when the refused reply and the reason are sent along."""
    asked = body("fuse")
    seen = set()
    for _ in range(20):
        made = fake.answer(asked, faults=0.5)
        seen.add(made.fault)
        refused = {"role": "assistant", "content": made.raw}
        asked["messages"] += [refused, {"role": "user", "content": "This was wrong."}]
        assert made.kind == "fuse"
    assert None in seen
    assert len(seen) > 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_without_schemas_sees_what_is_asked(kind: str) -> None:
    """The kind is the schema's name, or what the values are."""
    asked = body(kind)
    assert fake.answer(asked).kind == kind
    asked.pop("response_format", None)
    assert fake.answer(asked).kind == kind


@LANGUAGES
def test_a_fused_text_keeps_the_message(language: str) -> None:
    """It opens otherwise than the transition, and ends in the message."""
    texts = {texts_of(fake.answer(body("fuse", language, n)))[0] for n in range(40)}
    assert len(texts) > 5
    for text in texts:
        assert text.lower().endswith(MESSAGE[language].lower())
        assert not text.startswith(TRANSITION[language])
        assert TRANSITION[language].lower() in text.lower()


@LANGUAGES
def test_a_slot_of_the_transition_is_filled(language: str) -> None:
    """No slot is left in what is fused."""
    asked = body("fuse", language, transition="So, {topic} again,")
    assert "{" not in texts_of(fake.answer(asked))[0]


@LANGUAGES
def test_an_answer_is_about_the_question(language: str) -> None:
    """It has several sentences, in its language, with words of the question."""
    for number in range(20):
        [text] = texts_of(fake.answer(body("answer", language, number)))
        assert text.count("." if language == "en" else "。") >= 3
        assert guess_language([text]) == language
        assert any(word in text for word in (("winter", "alive", "basil", "冬天", "罗勒")))


@LANGUAGES
def test_an_aside_asks_and_goes_on(language: str) -> None:
    """The question is about a word just said; the resumption ends with the rest to the byte."""
    asked_of = set()
    for number in range(20):
        reply = reply_of(fake.answer(body("aside", language, number)))
        assert set(reply) == {"question", "resumption"}
        assert reply["question"][-1] in "?？"
        assert reply["resumption"].endswith(REST[language])
        assert len(reply["resumption"]) > len(REST[language]) + 10
        asked_of.add(reply["question"])
    said = ("soil", "window", "土壤", "表面", "窗口", "浇水", "明亮")
    assert all(any(word in text for word in said) for text in asked_of)


@LANGUAGES
@pytest.mark.parametrize("count", [1, 3, 30, 200])
def test_statements_are_declarative(language: str, count: int) -> None:
    """As many as wanted, each by rule 7; no two alike while there are others."""
    for number in range(5):
        statements = texts_of(fake.answer(body("statement", language, number, count=count)))
        assert len(statements) == count
        assert len(set(statements)) == count or count > 30
        assert [text for text in statements if fault(text, language)] == []


@LANGUAGES
def test_there_are_phrases_enough(language: str) -> None:
    """Sixty remarks and more a language, all declarative with a common word in them."""
    own = phrases(language)
    assert len(set(own.statements)) >= 60
    for term, other in zip(own.terms, own.terms[1:], strict=False):
        filled = [text.replace("{a}", term).replace("{b}", other) for text in own.statements]
        wrong = [text for text in filled + list(own.plain_statements) if fault(text, language)]
        assert wrong == []
    assert [text for text in own.questions if fault(text, language) is None] == []


def test_a_critique_judges() -> None:
    """A remark passes and a question does not; a fused message passes with its words only."""

    def ok(judged: str, text: str, message: str = "") -> bool:
        made = fake.answer(body("critique", judged=judged, text=text, message=message))
        return bool(reply_of(made)["ok"])

    assert ok("statement", "That is new to me.")
    assert not ok("statement", "What is new to you?")
    assert ok("fuse", "Oh, hold on, how many plants need a net?", message="How many plants?")
    assert not ok("fuse", "Oh, hold on, how many need a net?", message="How many plants?")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [None, *FAULTS])
def test_a_response_has_the_form_of_a_chat_completion(kind: str, name: str | None) -> None:
    """The client's own model takes every response, and the usage is in its bytes."""
    made = fake.answer(body(kind), faults=1.0 if name else 0.0, only=[name] if name else [])
    assert made.fault == (name if name and kind in FAULTS[name].kinds else None)
    read = ChatCompletion.model_validate(json.loads(made.raw), strict=True)
    assert read.model == "fake-small"
    assert read.object == "chat.completion"
    written = "".join(
        choice.message.content or choice.message.refusal or "" for choice in read.choices
    )
    assert read.usage is not None
    assert read.usage.completion_tokens == len(written.encode()) // 4 == made.completion_tokens
    asked = "".join(message["content"] for message in body(kind)["messages"])
    assert read.usage.prompt_tokens == len(asked.encode()) // 4 == made.prompt_tokens


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_faults_as_asked_for(kind: str) -> None:
    """A share of the bodies has one, each fault that fits about as often."""
    made = [fake.answer(body(kind, number=n), faults=0.3).fault for n in range(1500)]
    found = Counter(name for name in made if name)
    assert 0.25 < found.total() / len(made) < 0.35
    fitting = {name for name, one in FAULTS.items() if kind in one.kinds}
    assert set(found) == fitting
    assert max(found.values()) < 3 * min(found.values())


def test_a_larger_share_keeps_the_faults_of_a_smaller() -> None:
    """No reply that was faulty becomes good when more faults are asked for."""
    few, many = ([fake.answer(body("fuse", number=n), faults=share).fault for n in range(300)]
                 for share in (0.1, 0.4))  # fmt: skip
    assert [name for name in few if name]
    assert all(name == more for name, more in zip(few, many, strict=True) if name)


def test_a_fault_that_is_none() -> None:
    """A wrong name is an error, with the names that there are."""
    with pytest.raises(ValueError, match="no such fault: rain; known: invalid_json"):
        fake.answer(body("fuse"), only=["rain"])


def _no_json(made: fake.Fake) -> bool:
    try:
        reply_of(made)
    except json.JSONDecodeError:
        return True
    return False


def _any_text(wrong: Callable[[str], bool]) -> Callable[[fake.Fake, str], bool]:
    return lambda made, _: any(wrong(text) for text in texts_of(made))


SHOWS: dict[str, Callable[[fake.Fake, str], bool]] = {
    "invalid_json": lambda made, _: _no_json(made),
    "length": lambda made, _: (
        _no_json(made) and json.loads(made.raw)["choices"][0]["finish_reason"] == "length"
    ),
    "no_choices": lambda made, _: json.loads(made.raw)["choices"] == [],
    "refusal": lambda made, _: (
        message_of(made)["content"] is None and bool(message_of(made)["refusal"])
    ),
    "refusal_as_text": _any_text(
        lambda text: any(word in text for word in ("can't", "cannot", "无法", "不能", "没办法"))
    ),
    "wrong_shape": lambda made, _: set(reply_of(made)) == {"response"},
    "prose_around_json": lambda made, _: _no_json(made) and "{" in message_of(made)["content"],
    "question": lambda made, language: any(fault(text, language) for text in texts_of(made)),
    "wrong_language": lambda made, language: guess_language(texts_of(made)) != language,
    "control_token": _any_text(
        lambda text: any(token in text for token in ("<idle>", "<1>", "<2>", "</s>", "<AI>"))
    ),
    "leftover_slot": _any_text(lambda text: "{" in text),
    "empty_text": _any_text(lambda text: not text.strip(" \n.")),
    "talk_of_being_a_model": _any_text(
        lambda text: any(word in text for word in ("AI", "language model", "人工智能", "语言模型"))
    ),
    "lost_words": lambda made, _: "12" not in texts_of(made)[0],
    "endless": _any_text(lambda text: len(text) > 10_000),
}


@LANGUAGES
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows(name: str, language: str) -> None:
    """Each fault does what its name says, in every kind that it fits; else nothing of it is."""
    for kind in sorted(FAULTS[name].kinds - {"chat"}):
        for number in range(20):
            asked = body(kind, language, number)
            assert SHOWS[name](fake.answer(asked, faults=1.0, only=[name]), language)
            assert not SHOWS[name](fake.answer(asked), language)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    kind=st.sampled_from(KINDS),
    language=st.sampled_from(["en", "zh"]),
    values=st.dictionaries(
        st.sampled_from(["transition", "message", "history", "question", "said", "rest", "text"]),
        JSON | st.lists(st.dictionaries(st.just("content"), JSON), max_size=3),
    ),
    share=st.sampled_from([0.0, 1.0]),
)
def test_any_values_get_a_response(
    kind: str, language: str, values: dict[str, Any], share: float
) -> None:
    """Whatever stands in a prompt, the engine replies."""
    made = fake.answer(body(kind, language, **values), faults=share)
    ChatCompletion.model_validate(json.loads(made.raw), strict=True)
