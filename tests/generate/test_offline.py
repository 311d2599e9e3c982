"""The offline writer joins transition and message."""

import pytest

from duplexdata.pipeline.dialogue import Ask
from duplexdata.pipeline.generate.offline import offline_reply


@pytest.mark.parametrize(
    ("transition", "message", "joined"),
    [
        ("Wait,", "What is it?", "Wait, what is it?"),
        ("Let me jump in here —", "How so?", "Let me jump in here — how so?"),
        ("Wait,", "What's that?", "Wait, what's that?"),
        ("Wait,", "What’s that?", "Wait, what’s that?"),
        ("Hold on.", "What is it?", "Hold on. What is it?"),
        ("Hey, wait a minute!", "What is it?", "Hey, wait a minute! What is it?"),
        ("You know what?", "Tell me more.", "You know what? Tell me more."),
        ("Wait,", "I see.", "Wait, I see."),
        ("Wait,", "I'm lost.", "Wait, I'm lost."),
        ("Wait,", "De León was where?", "Wait, De León was where?"),
        ("Wait,", "NASA did what?", "Wait, NASA did what?"),
        ("Wait,", "WHAT?", "Wait, WHAT?"),
        ("Wait,", "Will Smith?", "Wait, Will Smith?"),
        ("Wait,", "Whatsapp?", "Wait, Whatsapp?"),
        ("Wait,", "it is fine", "Wait, it is fine"),
        ("Wait,", "42?", "Wait, 42?"),
        ("Wait,", "“What” is odd", "Wait, “What” is odd"),
    ],
)
def test_english(transition: str, message: str, joined: str) -> None:
    """Only a word of the closed list loses its capital, and only after a comma or dash."""
    reply = offline_reply(Ask("fuse", "en", {"transition": transition, "message": message}))
    assert reply.text == joined
    assert reply.origin == "offline"


@pytest.mark.parametrize(
    ("transition", "message", "joined"),
    [
        ("等一下，", "为什么？", "等一下，为什么？"),
        ("哎，你先停一停。", "NASA 是什么？", "哎，你先停一停。NASA 是什么？"),
        ("抱歉，我插一句——", "What is it?", "抱歉，我插一句——What is it?"),
    ],
)
def test_chinese(transition: str, message: str, joined: str) -> None:
    """Chinese is joined directly and has no capitals to lose."""
    reply = offline_reply(Ask("fuse", "zh", {"transition": transition, "message": message}))
    assert reply.text == joined
