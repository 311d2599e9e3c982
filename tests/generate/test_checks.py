"""What a model writes is refused for what is wrong with it, and for nothing else."""

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from inspect import getsource
from time import process_time
from typing import Any

import pytest

from duplexdata import prompts
from duplexdata.pipeline.dialogue import Ask, Utterance
from duplexdata.pipeline.generate import checks, parsing, speech
from duplexdata.pipeline.generate.checks import checked
from duplexdata.pipeline.generate.parsing import Unfit, content_of, parsed
from duplexdata.pipeline.generate.prompts import KINDS, load_prompts
from duplexdata.pipeline.generate.speech import SLOTS
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


def fuse(message: str, transition: str = "Wait,", language: str = "en") -> Ask:
    """The ask to fuse a message."""
    return Ask("fuse", language, {"transition": transition, "message": message})


CAPITAL = fuse("What is the capital of France?")
WEATHER = fuse("今天北京的天气怎么样？", "等一下，", "zh")
RELATIVITY = fuse("Can you explain relativity?")


@pytest.mark.parametrize(
    ("fault", "ask", "text"),
    [
        ("lost_question", CAPITAL, "Okay, so the capital of France is Paris, that is what it is."),
        ("lost_question", WEATHER, "北京的天气怎么样我已经知道了，今天是晴天。"),
        ("lost_words", fuse("How do I do it?"), "Okay, stop there for now please, that is enough."),
        ("lost_words", fuse("Who is he?"), "Sorry, what?"),
        ("lost_words", fuse("Where is he?"), "Sorry, where?"),
        ("added", RELATIVITY, "Oh, can you explain relativity?\n\nSure! Relativity says a lot."),
        (
            "added",
            fuse("Explain relativity."),
            "Oh, explain relativity.\n\nSure! It is time.",
        ),
        ("added", CAPITAL, "Wait, what is the capital of France? It is Paris."),
        ("added", fuse("What is 2 and 2?"), "Wait, what is 2 and 2? It is 4."),
        ("added", WEATHER, "等一下，今天北京的天气怎么样？今天是晴天。"),
        ("not_spoken", CAPITAL, "(interrupting) Wait, what is the capital of France?"),
        ("not_spoken", CAPITAL, "*cuts in* Wait, what is the capital of France?"),
        ("not_spoken", CAPITAL, "Wait (sighs), what is the capital of France?"),
        ("not_spoken", WEATHER, "（打断）等一下，今天北京的天气怎么样？"),
        ("not_spoken", CAPITAL, '"Wait, what is the capital of France?"'),
        ("not_spoken", WEATHER, "“等一下，今天北京的天气怎么样？”"),
        ("not_spoken", CAPITAL, "Utterance: Wait, what is the capital of France?"),
        ("not_spoken", CAPITAL, "**Wait**, what is the capital of France?"),
        ("role_name", CAPITAL, "User utterance: Wait, what is the capital of France?"),
        ("control_token", CAPITAL, "Wait, what is the capital of France?<|im_end|>"),
        ("control_token", CAPITAL, "<think>Easy.</think>Wait, what is the capital of France?"),
        ("control_token", CAPITAL, "Easy.</think>Wait, what is the capital of France?"),
        ("lost_words", fuse("Give me 3 tips."), "Wait, give me 13 tips."),
        ("lost_words", fuse("推荐1本书。", "等一下，", "zh"), "等一下，推荐本书。"),
        ("lost_words", fuse("推荐3本书。", "等一下，", "zh"), "等一下，推荐三十本书。"),
    ],
)
def test_a_fused_text_asks_what_the_message_asks(fault: str, ask: Ask, text: str) -> None:
    """It answers nothing, adds nothing, and is all said aloud."""
    assert fault_of(ask, {"text": text}) == fault


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (CAPITAL, "Sorry, what's the capital of France? Thanks."),
        (CAPITAL, "Wait, the capital of France, what is it? I mean the capital, please."),
        (WEATHER, "等等，今天北京的天气怎么样？谢谢你。"),
        (fuse("What is it?"), "Hang on, what's it?"),
        (fuse("How do I do it?"), "Wait, how do I do that?"),
        (fuse("Why?"), "Hold on, why?"),
        (fuse("Is it 5? Say why.\nMy code:\nx = 5"), "Wait:\nIs it 5? Say why.\nMy code:\nx = 5"),
        (fuse('Who said "Stop!"?'), 'Sorry, who said "Stop!"?'),
        (fuse("**Why** is 2**3 so large?"), "Wait, **why** is 2**3 so large?"),
        (fuse("Give me 3 tips."), "Wait, give me three tips."),
        (fuse("Give me 12 tips."), "Wait, give me twelve tips."),
        (fuse("Is 1,200 euros enough?"), "Wait, is 1200 euros enough?"),
        (fuse("Is 1200 euros enough?"), "Wait, is 1,200 euros enough?"),
        (fuse("推荐3本书。", "等一下，", "zh"), "等一下，推荐三本书。"),
        (fuse("推荐2本书。", "等一下，", "zh"), "等一下，推荐两本书。"),
        (fuse("推荐１本书。", "等一下，", "zh"), "等一下，推荐一本书。"),
    ],
)
def test_a_fused_text_may_be_worded_as_people_speak(ask: Ask, text: str) -> None:
    """Contractions, numbers as words and a word of thanks lose and add nothing."""
    assert fault_of(ask, {"text": text}) is None


BREAD = "Bake the bread at 230 degrees for 40 minutes, and let it cool on a rack before cutting."
BAKING = Ask("aside", "en", {**ASIDE.values, "said": "The dough has to rest. ", "rest": BREAD})
BAKING_LIST = Ask(
    "aside", "en", {**ASIDE.values, "rest": f"1. {BREAD}\n2. Serve the bread with salted butter."}
)


@pytest.mark.parametrize(
    ("fault", "question", "resumption"),
    [
        ("no_answer", "Why a rack?", BREAD),
        ("no_answer", "Why a rack?", f"{BREAD} That is all there is to it."),
        ("lost_rest", "Why a rack?", f"For the air. Now: {BREAD.replace('230', '250')}"),
        ("not_a_question", "What? Why? How? And who invented it?", f"People. Now: {BREAD}"),
        ("not_a_question", "Hm? I love bread so much, I could go on.", f"Good. Now: {BREAD}"),
        ("not_spoken", "(curious) Why a rack?", f"For the air. Now: {BREAD}"),
        ("role_name", "User question: Why a rack?", f"For the air. Now: {BREAD}"),
        (None, "Why a rack?", f"For the air. Now: {BREAD}"),
        (None, "Is bread baked so hot?", f"Bake the bread hot, yes. As I said: {BREAD}"),
        (None, "Wait, sorry, is it still warm? I mean the bread?", f"Yes. Now: {BREAD}"),
        (None, "Sorry, what does proofing mean? Never heard of it.", f"A rest. So: {BREAD}"),
        (None, "Really?! Why?", f"For the air. Now: {BREAD}"),
    ],
)
def test_an_aside_asks_once_and_is_answered(
    fault: str | None, question: str, resumption: str
) -> None:
    """One short question, an answer before the rest, and the rest with its numbers."""
    assert fault_of(BAKING, {"question": question, "resumption": resumption}) == fault


def test_the_numbers_of_a_list_need_not_be_spoken() -> None:
    """They are no facts: "first" and "then" will do."""
    spoken = f"For the air. First, {BREAD} Then serve the bread with salted butter."
    assert fault_of(BAKING_LIST, {"question": "Why a rack?", "resumption": spoken}) is None


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("not_spoken", "1. My sister loved the river there."),
        ("not_spoken", "2) My sister loved the river there."),
        ("not_spoken", "- My sister loved the river there."),
        ("not_spoken", "• My sister loved the river there."),
        ("not_spoken", "**My sister loved the river there.**"),
        ("not_spoken", "My sister loved the **river** there."),
        ("not_spoken", "(laughs) My sister loved the river there."),
        ("not_spoken", "My sister loved the river there (laughing)."),
        ("not_spoken", "Remark 1: My sister loved the river there."),
        ("not_spoken", '"My sister loved the river there."'),
        ("role_name", "User remark: My sister loved the river there."),
        ("example", "first remark"),
        ("example", "Second remark."),
        ("refusal", "I'm sorry, but I can't help with that."),
        ("refusal", "I cannot provide remarks about this conversation."),
        ("refusal", "I can't write that for you."),
        ("refusal", "I can't help you with that, my friend."),
        ("refusal", "Sorry, I won't write these remarks."),
        ("about_itself", "I am a language model"),
        ("about_itself", "As a language model, I have no sister."),
        ("about_itself", "Speaking as an AI I have no sister."),
        (None, "I can't help smiling at that."),
        (None, "I can't write that neatly by hand, my letters always slope."),
        (None, "I can't do without my grandmother's sourdough starter."),
        (None, "I won't do that again after last week's flat loaf."),
        (None, "My sister is a language model researcher."),
        (None, "I'm a big fan of AI and all that."),
        (None, "My sister (the older one) loved the river there."),
        (None, "2 years ago my sister loved the river there."),
    ],
)
def test_a_remark_is_said_aloud_by_a_person(fault: str | None, text: str) -> None:
    """It holds nothing of a list or a script, and no model speaks in it; people do."""
    assert fault_of(STATEMENT, {"statements": [text, "Porto was rainy last May."]}) == fault


REMARK_ZH = Ask("statement", "zh", {"statements": ("好。",), "after": [1]})


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("not_spoken", "1、我姐姐很喜欢那条河。"),
        ("not_spoken", "（笑）我姐姐很喜欢那条河。"),
        ("not_spoken", "第一句：我姐姐很喜欢那条河。"),
        ("example", "第二句"),
        ("about_itself", "我是一个大型语言模型。"),
        ("about_itself", "作为一个语言模型，我没有姐姐。"),
        (None, "我姐姐是研究语言模型的。"),
    ],
)
def test_a_chinese_remark_is_said_aloud_by_a_person(fault: str | None, text: str) -> None:
    """The same holds in Chinese."""
    assert fault_of(REMARK_ZH, {"statements": [text]}) == fault


def answering(question: str, language: str = "en") -> Ask:
    """The ask to answer a question anew."""
    return Ask("answer", language, {**ANSWER.values, "question": question, "heard": "Well,"})


@pytest.mark.parametrize(
    ("fault", "ask", "text"),
    [
        (None, answering("What is ChatGPT?"), "ChatGPT is a large language model made by OpenAI."),
        (None, answering("ChatGPT是什么？", "zh"), "ChatGPT是一个大型语言模型，由OpenAI开发。"),
        (None, answering("What is a fraction in LaTeX?"), r"You write \frac{a}{b} or \frac{n}{m}."),
        (None, answering("How do I print a name?"), 'Write print(f"Hello {name}") in Python.'),
        (None, answering("What is the path of a user?"), "It is /users/{id}, or {id} alone."),
        (None, answering("And in JSX?"), "Like this:\n```\n<p>\n  {message}\n</p>\n```"),
        (None, answering("How do I show a text?"), "Write <p>{message}</p> where it should stand."),
        (None, answering("What ends reasoning, </think>?"), "It is the tag </think>, as you say."),
        ("about_itself", answering("What is it?"), "I am a language model and cannot know that."),
        ("about_itself", answering("What is it?"), "It is late. As an AI, I never sleep at all."),
        ("leftover_slot", answering("What is it?"), "I told you already: {sentence} That is it."),
        ("leftover_slot", answering("What is it?"), "That was the {n} one on the list of hotels."),
        ("leftover_slot", answering("是什么？", "zh"), "这个问题主要取决于{topic}的情况。"),
        ("control_token", answering("What is it?"), "It is a river in Portugal.<|endoftext|>"),
    ],
)
def test_an_answer_may_hold_code_and_speak_of_models(
    fault: str | None, ask: Ask, text: str
) -> None:
    """Braces and models are topics as others; slots of ours and the model's own self are not."""
    assert fault_of(ask, {"text": text}) == fault


def test_all_slots_of_our_texts_are_known() -> None:
    """A slot that one of the shipped files gets is found where it is left over."""
    held = {
        slot
        for language in ("en", "zh")
        for file in (files(prompts) / language).iterdir()
        if file.name.endswith(".toml")
        for slot in re.findall(r"\{(\w+)\}", file.read_text("utf-8"))
    }
    assert held <= set(SLOTS)
    asks = (FUSE, ANSWER, ASIDE, STATEMENT)
    names = {name for ask in asks for name, value in task(ask).values.items() if value != "en"}
    assert names - {"history", "count", "after"} <= set(SLOTS)


def test_the_examples_of_the_prompt_are_no_remarks() -> None:
    """What the instructions show as a remark is refused as one."""
    for language, ask in (("en", STATEMENT), ("zh", Ask("statement", "zh", STATEMENT.values))):
        shown = load_prompts({})[language].instructions["statement"]
        (reply,) = re.findall(r'\{"statements": .*?\]\}', shown)
        assert fault_of(ask, reply) == "example"


def test_a_fault_has_words_in_each_language() -> None:
    """Every fault that a check or the parser names can be told to a model."""
    english, chinese = (load_prompts({})[language] for language in ("en", "zh"))
    assert set(english.faults) == set(chinese.faults)
    for ask, reply in GOOD:
        assert fault_of(ask, reply) is None
    rules = "".join(getsource(one) for one in (checks, parsing, speech))
    named = re.findall(r'Unfit\(\s*"(\w+)"', rules)
    assert len(set(named)) > 15
    assert set(named) <= set(english.faults)
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
    for own in load_prompts({}).values():
        assert '{"' in own.instructions[kind]
