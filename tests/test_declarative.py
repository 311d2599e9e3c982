"""A statement is declarative (rule 7)."""

import csv
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplexdata.pipeline.declarative import fault

from .conftest import ROOT

LANGUAGES = ("en", "zh")
NAMES = {"en": "Lisbon", "zh": "里斯本"}
LABELS = Path(__file__).parent / "labels"

EN_STATEMENTS = """
Yeah, that sounds about right.
I had no idea it was that old.
My dad used to say "never again" after every trip.
What a lovely story.
When I was little, we drove there every summer.
Which reminds me, my passport expires in June.
Was just thinking the same thing.
If I had more time, I would learn to sail.
I love to sing, dance, and play the piano.
Show business is not for everyone.
Open fires make me cough.
The problem, of course, is that nobody came.
My sister, who was there, is a nurse.
Let me check the oven, it smells done.
Neither did I.
So is my brother.
Nobody ever told me that.
Believe it or not, I grew up two streets away.
Whether it rains or not, we go every Sunday.
I can't believe how much it changed.
Is what it is.
Hope it stays sunny all week.
Thanks, that was really clear.
That question came up at school once.
What you said about the harbor makes sense.
How time flies.
Had a dog like that once.
My neighbor, bless him, tried it too.
I guess I should try it sometime.
I'd love to see it one day.
You never know with cats.
You learn something new every day.
Mom, your phone is ringing.
It must be nice to live by the water.
That would explain the noise.
Who knows, maybe it works.
Will said he would be late.
Clean water is scarce up there.
Book fairs bring in half the county.
Could use a nap.
Read that in a magazine once.
Isn't my cup of tea, but the kids like it.
What worries me is the fence.
I like to swim, read, and cook.
He asked me to lower my voice, so I did.
Knocked over by the wind, the tree blocked our road.
Never met her.
Call waiting drives me mad.
""".strip().splitlines()
EN_OTHERS = """
Is it open on Sundays.
I was wondering if there is a bus.
Would you mind going a bit slower.
Tell me a joke, I need one.
Honey, turn the music down.
Let's talk about something else.
Give me an example.
Sorry, what was that last name.
I'd like to hear more about the king.
I don't understand the second step.
You forgot to mention the price.
And then what.
Since when.
It's a big city, isn't it.
Wouldn't that be something.
Who would have thought.
Summarize that in two lines.
Don't go into the details.
Statement: I like tea.
As an AI language model, I enjoy tea.
No answer is needed, I just like tea.
Das Wetter ist heute sehr schön.
今天天气很好。
How about the other one.
Skip the intro.
Could use a shorter version, please.
I want to know why it failed.
Maybe you could start over.
Not sure what that means.
Any idea how old it is.
In what year did it happen.
The train or the bus.
Ivy, hand me the scissors.
Dim the hallway light.
Never touch that switch.
Somebody feed the cat.
Shoes off the bed.
One second, my tea is boiling over.
And for a smaller kitchen.
Any particular brand.
What colours do those come in.
How would a farmer carry that.
You don't happen to remember the title.
I'd appreciate a shorter answer.
It's hard to hear you.
She lives in Kent, or am I wrong.
""".strip().splitlines()
ZH_STATEMENTS = """
我也这么想。
谁也没告诉过我。
原来是这样啊。
我什么都没听说过。
真没想到有这么多讲究。
我奶奶也会做这道菜。
妈，快递到了。
把我吓了一跳。
多好的天气啊。
我们那儿管这个叫馍。
怎么说呢，有点复杂。
我有几个朋友在那儿上班。
再说，我也不会游泳。
好吧，我记住了。
听起来挺有意思的。
给我印象最深的是海边的日落。
不管下不下雨，我们都去。
我动不动就感冒。
谢谢你告诉我这些。
我爸问我要不要回家过年。
要是早点知道就好了。
说来话长，我就不提了。
难怪大家都喜欢。
哪天我也试试。
这么说来我算幸运的。
记得小时候家里也有一台。
别说，还真挺像的。
看来得多穿一件了。
我还是喜欢喝茶。
等我退休了也去住一阵。
不知怎么的，眼泪就下来了。
我还纳闷他怎么没来，原来是病了。
谁能想到，第二天就下雪了。
去不去都行。
开了一天车，腰酸背痛。
洗衣机坏了。
老公去接孩子了。
等明年再说吧。
您说得对。
关上窗，屋里就安静了。
麻烦您跑一趟了。
他现在不在家。
医生叮嘱我少吃盐。
慢一点也没关系。
""".strip().splitlines()
ZH_OTHERS = """
这个多少钱。
坐火车还是坐飞机。
慢一点讲。
给我讲个笑话。
换个话题吧。
再说一遍。
我想知道它有多高。
能不能快一点。
你漏了第三点。
先讲结尾。
不用讲那么细。
他是谁。
你知道为什么吗。
那孩子呢。
对吧。听懂了吧，对吧。
我们聊点别的吧。
陈述：我喜欢喝茶。
作为AI，我也喜欢茶。
I like tea very much.
儿子，把电视关小点。
我好奇他后来去哪了。
举个例子。
安静一点。
谁说不是呢。
我没听清最后一句。
告诉我结果就行。
哪有那么容易。
这是真的假的。
希望你讲得简单一点。
几点开门。
麻烦把窗户关一下。
妹妹，给爷爷倒杯水。
写完作业再看电视。
明早七点叫我。
语速放慢。
小心台阶。
过来坐。
灯关一下。
妈你先睡。
你们小声点，我在打电话。
等我一下。
你猜怎么着。
那家店贵不。
他们是兄弟吧。
""".strip().splitlines()

CASES = [
    *[("en", text, True) for text in EN_STATEMENTS],
    *[("en", text, False) for text in EN_OTHERS],
    *[("zh", text, True) for text in ZH_STATEMENTS],
    *[("zh", text, False) for text in ZH_OTHERS],
]
REASONS = [
    ("", "en", "empty"),
    (" … ", "zh", "empty"),
    ("I like it.\nReally.", "en", "two lines"),
    ("\u201cI like it.\u201d", "en", "wrapped in quotes"),
    ("\u300c我喜欢。\u300d\u300c我也是。\u300d", "zh", "wrapped in quotes"),
    ("You like it?", "en", "a question mark"),
    ("Is it far", "en", "question form"),
    ("离得远吗", "zh", "question form"),
    ("Tell me more.", "en", "a request"),
    ("再讲一遍。", "zh", "a request"),
    ("User: I like it.", "en", "talk about the task"),
    ("用户：我喜欢。", "zh", "talk about the task"),
    ("我喜欢这个故事。", "en", "not English"),
    ("I like it.", "zh", "not Chinese"),
]
texts = st.text(max_size=60) | st.lists(
    st.sampled_from([*"\"'“”‘’«»「」『』`?？,，.。 \n我吗", "is it", "the", "tell me", "谁", "把"]),
    max_size=12,
).map("".join)


def read_labels(name: str) -> list[dict[str, str]]:
    """The rows of a table, their written-out line breaks made real."""
    with (LABELS / f"{name}.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row | {"text": row["text"].replace("\\n", "\n")} for row in rows]


def misjudged(rows: list[dict[str, str]], language: str) -> list[str]:
    """The texts of which the rule says something else than the label."""
    return [
        row["text"]
        for row in rows
        if (fault(row["text"], language) is None) != (row["label"] == "statement")
    ]


def bank(language: str) -> dict[str, Any]:
    """The shipped statements of a language."""
    return tomllib.loads((ROOT / "prompts" / language / "statements.toml").read_text("utf-8"))


@pytest.mark.parametrize("half", ["seen", "held_out"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_agrees_with_the_labels(language: str, half: str) -> None:
    """At least 98% of the hand-labelled sentences, in each language and half."""
    rows = [row for row in read_labels(language) if row["half"] == half]
    assert len(rows) == 100
    assert len(misjudged(rows, language)) <= 2


@pytest.mark.parametrize(
    ("name", "size"),
    [("en_second", 100), ("zh_second", 100), ("zh_third", 200), ("zh_dev", 500), ("zh_own", 110)],
)
def test_agrees_with_the_other_sets(name: str, size: int) -> None:
    """At least 98% of the sentences of other authors, on which it was made."""
    rows = read_labels(name)
    assert len(rows) >= size
    assert len(misjudged(rows, name[:2])) <= len(rows) // 50


@pytest.mark.parametrize(
    ("name", "right"), [("en_third", 181), ("en_fourth", 195), ("zh_fourth", 195)]
)
def test_does_as_well_as_when_it_was_measured(name: str, right: int) -> None:
    """The figures of docs/statements.md on 200 sentences that it was not made on."""
    rows = read_labels(name)
    assert len(rows) == 200
    assert len(rows) - len(misjudged(rows, name[:2])) >= right


@pytest.mark.parametrize(("language", "text", "stands"), CASES)
def test_cases(language: str, text: str, stands: bool) -> None:
    """Sentences that are not in the tables."""
    assert (fault(text, language) is None) == stands


@pytest.mark.parametrize(("text", "language", "reason"), REASONS)
def test_reasons(text: str, language: str, reason: str) -> None:
    """Each fault has its name."""
    assert fault(text, language) == reason


@given(texts, st.sampled_from(LANGUAGES))
def test_never_raises(text: str, language: str) -> None:
    """Whatever the text, there is an answer."""
    assert fault(text, language) in {
        None, "empty", "two lines", "wrapped in quotes", "a question mark", "question form",
        "a request", "unlike a statement", "talk about the task", "not English", "not Chinese",
    }  # fmt: skip


@given(st.sampled_from(CASES), st.sampled_from("\n\r\v\f\x85\u2028\u2029"), st.data())
def test_no_line_break(case: tuple[str, str, bool], line_break: str, data: st.DataObject) -> None:
    """A line break anywhere is a fault, at the edges too."""
    language, text, _ = case
    at = data.draw(st.integers(0, len(text)))
    assert fault(text[:at] + line_break + text[at:], language) is not None


@given(texts | st.sampled_from([case[1] for case in CASES]), st.sampled_from("?？؟‽"))
def test_no_question_mark(text: str, mark: str) -> None:
    """A question mark at the end is a fault."""
    for language in LANGUAGES:
        assert fault(text + mark, language) is not None


@given(
    texts | st.sampled_from([case[1] for case in CASES]),
    st.sampled_from(['""', "“”", "‘’", "«»", "「」", "『』", "``"]),
)
def test_no_quotes_around(text: str, quotes: str) -> None:
    """Quotes from end to end are a fault."""
    inner = text.strip().translate(dict.fromkeys(map(ord, '"“”‘’«»「」『』`')))
    for language in LANGUAGES:
        assert fault(f"{quotes[0]}{inner}{quotes[1]}", language) is not None


def test_unknown_language() -> None:
    """A language without a rule is an error, not a pass."""
    with pytest.raises(ValueError, match="no rule"):
        fault("Bom dia.", "pt")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bank(language: str) -> None:
    """Every shipped entry is a statement; there are many, of several kinds, none twice."""
    kinds = bank(language)
    entries = [text for kind in kinds.values() for part in kind.values() for text in part]
    faults = {
        text: reason
        for text in entries
        if (reason := fault(text.replace("{topic}", NAMES[language]), language))
    }
    assert not faults
    assert not [text for text, count in Counter(entries).items() if count > 1]
    assert len(kinds) >= 5
    plain = [text for kind in kinds.values() for text in kind["plain"]]
    assert len(plain) >= 150
    assert not [text for text in plain if "{" in text]
    assert all("{topic}" in text for kind in kinds.values() for text in kind.get("topic", []))
