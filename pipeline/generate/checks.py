"""Whether what a model wrote can be spoken: rules for each kind of ask.

A check refuses rather too much: a refused reply is asked for again, and at last the offline
writer stands in; a bad one in a row stays there.
"""

import re
from collections.abc import Iterable

from ..load.language import guess_language
from .parsing import Unfit, parsed
from .task import Task

_SLOT = re.compile(r"\{[A-Za-z_]\w*\}")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_ROLE = re.compile(
    r"\s*\**(?:user|assistant|human|ai|bot|用户|助手|助理)\**\s*[:：]", re.IGNORECASE
)
_OTHER_SCRIPT = re.compile("[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af]")

_ITSELF = re.compile(
    r"\b(?:as|i\s?['’]?a?m)\s+(?:just\s+|only\s+)?(?:an?\s+)?(?:\w+\s+)?"
    r"(?:ai|artificial intelligence|language model|chatbot|virtual assistant)\b"
    r"|\blanguage model\b|\bmy (?:training data|knowledge cutoff)\b"
    r"|作为一?[个名款位]?(?:人工智能|AI|大?型?语言模型|虚拟助手|智能助手)"
    r"|我(?:只|仅仅?)?是(?:一?[个名款位])?(?:人工智能|AI|大?型?语言模型|虚拟助手|智能助手)"
    r"|语言模型",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\s*(?:(?:i['’]?\s?a?m\s+)?(?:very\s+)?sorry,?\s+(?:but\s+)?)?i\s?(?:['’]m|am)?\s*"
    r"(?:can(?:no|['’])t|can not|won['’]t|unable to|not able to)\s+"
    r"(?:help|assist|fulfil|comply|write|do|provide|create|answer)"
    r"|\s*(?:很|非常)?(?:抱歉|对不起|不好意思)[，,。]?(?:但是?)?(?:这个(?:内容|请求))?我(?:们)?"
    r"(?:无法|不能|没办法|没有办法|不会)",
    re.IGNORECASE,
)

_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{4,}")
_HAN = re.compile("[\u3400-\u9fff]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ENDS_A_QUESTION = re.compile(r"[?？]|[吗呢么][。.…]?\s*$")

_KEPT_OF_A_MESSAGE = 0.8
_KEPT_OF_A_REST = 0.6
_SAME_ANSWER = 0.9
"""Shares of words; see `_kept`."""


def checked(task: Task, content: str, markers: Iterable[str]) -> tuple[str, ...]:
    """The texts in a model's reply.

    Args:
        task: what was asked for; no critique.
        content: what the model wrote.
        markers: control tokens, none of which a text may hold unless the task did.

    Raises:
        Unfit: a rule is broken.
    """
    reply = parsed(content, task.kind)
    texts = _texts(reply, task)
    for text in texts:
        _check_text(text, task, markers)
    _CHECKS[task.kind](texts, task)
    if task.tail:
        return (*texts[:-1], texts[-1].rstrip() + task.tail)
    return texts


def _texts(reply: dict[str, object], task: Task) -> tuple[str, ...]:
    if task.kind == "aside":
        return (str(reply["question"]).strip(), str(reply["resumption"]).strip())
    if task.kind == "statement":
        held = reply["statements"]
        assert isinstance(held, list)  # noqa: S101  # by the schema
        return tuple(str(one).strip() for one in held)
    return (str(reply["text"]).strip(),)


def _check_text(text: str, task: Task, markers: Iterable[str]) -> None:
    """What holds for every text, whatever its kind."""
    _check_form(text, task, markers)
    itself = _ITSELF.search(text)
    if itself and not _ITSELF.search(task.material):
        raise Unfit("about_itself", itself[0])
    if _REFUSAL.match(text) and not _REFUSAL.search(task.material):
        raise Unfit("refusal", text[:80])
    _check_language(text, task)


def _check_form(text: str, task: Task, markers: Iterable[str]) -> None:
    """A text is text, and holds nothing that is no speech."""
    if not any(letter.isalnum() for letter in text):
        raise Unfit("empty", text)
    if _NO_TEXT.search(text) and not _NO_TEXT.search(task.material):
        raise Unfit("not_text", repr(text[:80]))
    if _ROLE.match(text) and not _ROLE.match(str(task.values.get("message", ""))):
        raise Unfit("role_name", text[:80])
    for slot in _SLOT.findall(text):
        if slot not in task.material:
            raise Unfit("leftover_slot", slot)
    if "<" in text:
        for marker in markers:
            if marker in text and marker not in task.material:
                raise Unfit("control_token", marker)


def _check_language(text: str, task: Task) -> None:
    """A text is in the dialogue's language, unless what it is made of is not."""
    # A short text of names and numbers is of no language.
    if guess_language([text]) != task.language and len(_words_of(text)) > 1:
        own = task.values.get("message") or task.values.get("rest") or task.material
        if guess_language([str(own)]) == task.language:
            raise Unfit("wrong_language", text[:80])
    strange = len(_OTHER_SCRIPT.findall(text))
    if strange > len(text) / 10 and not _OTHER_SCRIPT.search(task.material):
        raise Unfit("wrong_language", text[:80])


def _check_fuse(texts: tuple[str, ...], task: Task) -> None:
    (text,) = texts
    message, transition = task.values["message"], task.values["transition"]
    if _plain(text) == _plain(message):
        raise Unfit("no_transition")
    if len(text) > 1.5 * (len(message) + len(transition)) + 120:
        raise Unfit("too_long", f"{len(text)} code points")
    lost = _lost_numbers(text, message)
    if lost or _kept(message, text) < _KEPT_OF_A_MESSAGE:
        raise Unfit("lost_words", " ".join([*lost, *sorted(_words_of(message) - _words_of(text))]))


def _check_answer(texts: tuple[str, ...], task: Task) -> None:
    (text,) = texts
    if len(text) < (8 if task.language == "zh" else 20):
        raise Unfit("too_short", text)
    if len(text) > 8000:
        raise Unfit("too_long", f"{len(text)} code points")
    refused = task.values["refused_answer"]
    if len(_words_of(refused)) >= 6 and _kept(refused, text[: 2 * len(refused)]) > _SAME_ANSWER:
        raise Unfit("the_same_answer")


def _check_aside(texts: tuple[str, ...], task: Task) -> None:
    question, resumption = texts
    rest = task.values["rest"]
    if "\n" in question or not _ENDS_A_QUESTION.search(question):
        raise Unfit("not_a_question", question[:80])
    if len(question) > (120 if task.language == "zh" else 300):
        raise Unfit("too_long", question[:80])
    if len(resumption) > 1.5 * len(rest) + 1500:
        raise Unfit("too_long", f"{len(resumption)} code points")
    if len(resumption) < 0.6 * len(rest) or _kept(rest, resumption) < _KEPT_OF_A_REST:
        raise Unfit("lost_rest", " ".join(sorted(_words_of(rest) - _words_of(resumption))[:20]))


def _check_statement(texts: tuple[str, ...], task: Task) -> None:
    from ..declarative import fault  # its patterns take time to compile

    if len(texts) != task.values["count"]:
        raise Unfit("wrong_count", f"{len(texts)}, not {task.values['count']}")
    if len({_plain(text) for text in texts}) < len(texts):
        raise Unfit("said_twice")
    for text in texts:
        if len(text) > (100 if task.language == "zh" else 240):
            raise Unfit("too_long", text[:80])
        found = fault(text, task.language)
        if found:
            raise Unfit("needs_answer", f"{found}: {text}")


_CHECKS = {
    "fuse": _check_fuse,
    "answer": _check_answer,
    "aside": _check_aside,
    "statement": _check_statement,
}


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _words_of(text: str) -> set[str]:
    """What a text is about: its longer words, and its pairs of Han characters."""
    words = set(_WORD.findall(text.lower()))
    for run in _HAN.findall(text):
        words.update(run[at : at + 2] for at in range(max(1, len(run) - 1)))
    return words


def _kept(of: str, text: str) -> float:
    """The share of a text's words that another holds; 1 if it has none."""
    words = _words_of(of)
    if not words:
        return 1.0
    held = text.lower()
    return sum(word in held for word in words) / len(words)


def _lost_numbers(text: str, message: str) -> list[str]:
    return [number for number in _NUMBER.findall(message) if number not in text]
