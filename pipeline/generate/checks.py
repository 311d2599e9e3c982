"""Whether what a model wrote can be spoken: rules for each kind of ask.

A check refuses rather too much: a refused reply is asked for again, and at last the offline
writer stands in; a bad one in a row stays there.
"""

import re
from collections.abc import Iterable

from .kept import kept, lost_numbers, lost_words, plain, words_of
from .parsing import Unfit, parsed
from .speech import check_spoken, check_text
from .task import Task

_MARK = re.compile("[?？][?？!！]*")
_ENDS_WITH_A_MARK = re.compile(r"[?？][?？!！\s\"'”’)）」』]*\Z")
_ENDS_A_QUESTION = re.compile(r"[吗呢么][。.…]?\s*$")
_LIST_NUMBER = re.compile(r"^[\s#*>-]*\d{1,3}[.)、]\s", re.MULTILINE)
_EXAMPLE = re.compile(r"(?:first|second|third|fourth|last)remark|第[一二三四五六七八九十\d]+句")

# What may stand behind a question without answering it.
_COURTESY = re.compile(
    r"\b(?:please|thanks(?: a lot)?|thank you|sorry|i mean|if you can|if you don['’]t mind"
    r"|(?:that['’]?s what )?i(?:['’]d like to| want(?:ed)? to) (?:know|ask))\b"
    r"|谢谢您?你?|多谢|麻烦[您你]?了?|拜托了?|我是说|我想知道",
    re.IGNORECASE,
)

_KEPT_OF_A_MESSAGE = 0.8
_KEPT_OF_A_SHORT_MESSAGE = 0.6
_KEPT_OF_A_REST = 0.6
_SAME_ANSWER = 0.9
"""Shares of words; see `kept`. "What's it" keeps two of the three words of "What is it"."""
_BEGIN_OF_A_REST = 40
"""Letters by which it is told whether a resumption begins with the rest."""


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
        check_text(text, task, markers)
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


def _check_fuse(texts: tuple[str, ...], task: Task) -> None:
    (text,) = texts
    message, transition = task.values["message"], task.values["transition"]
    check_spoken(text, task)
    if plain(text) == plain(message):
        raise Unfit("no_transition")
    if len(text) > 1.5 * (len(message) + len(transition)) + 120:
        raise Unfit("too_long", f"{len(text)} code points")
    short = len(words_of(message)) < 2
    least = _KEPT_OF_A_SHORT_MESSAGE if short else _KEPT_OF_A_MESSAGE
    lost = lost_numbers(message, text)
    if lost or kept(message, text) < least:
        raise Unfit("lost_words", " ".join([*lost, *lost_words(message, text)]))
    if _MARK.search(message) and not _MARK.search(text):
        raise Unfit("lost_question", text[:80])
    added = _added(text, message, transition)
    if added:
        raise Unfit("added", added[:80])


def _added(text: str, message: str, transition: str) -> str:
    """What follows the message in a fused text, such as its answer; empty if nothing does."""
    lines, own = _lines(text), _lines(message) or [""]
    # One more line than the message has may be the opening, so the last has to be its last.
    if len(lines) > len(own) and kept(own[-1], lines[-1]) < _KEPT_OF_A_MESSAGE:
        return lines[-1]
    if not _ENDS_WITH_A_MARK.search(message):
        return ""
    behind = _COURTESY.sub(" ", _MARK.split(text)[-1])
    known = f"{transition}\n{message}"
    return behind.strip() if lost_words(behind, known) or lost_numbers(behind, known) else ""


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _check_answer(texts: tuple[str, ...], task: Task) -> None:
    (text,) = texts
    if len(text) < (8 if task.language == "zh" else 20):
        raise Unfit("too_short", text)
    if len(text) > 8000:
        raise Unfit("too_long", f"{len(text)} code points")
    refused = task.values["refused_answer"]
    if len(words_of(refused)) >= 6 and kept(refused, text[: 2 * len(refused)]) > _SAME_ANSWER:
        raise Unfit("the_same_answer")


def _check_aside(texts: tuple[str, ...], task: Task) -> None:
    question, resumption = texts
    rest = task.values["rest"]
    check_spoken(question, task)
    if "\n" in question or not _is_a_question(question):
        raise Unfit("not_a_question", question[:80])
    if len(question) > (120 if task.language == "zh" else 300):
        raise Unfit("too_long", question[:80])
    if len(resumption) > 1.5 * len(rest) + 1500:
        raise Unfit("too_long", f"{len(resumption)} code points")
    lost = lost_numbers(_LIST_NUMBER.sub("", rest), resumption)  # "first", in speech
    if lost or len(resumption) < 0.6 * len(rest) or kept(rest, resumption) < _KEPT_OF_A_REST:
        raise Unfit("lost_rest", " ".join([*lost, *lost_words(rest, resumption)][:20]))
    begin, said = plain(rest)[:_BEGIN_OF_A_REST], plain(resumption)
    if begin and said.startswith(begin) and said.count(begin) == 1:
        raise Unfit("no_answer", resumption[:80])


def _is_a_question(text: str) -> bool:
    """One question, or one and what is meant by it; more is asked than told."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return bool(_ENDS_A_QUESTION.search(text))
    told = len(text) - marks[-1].end()
    return len(marks) <= 2 and told <= marks[-1].end()


def _check_statement(texts: tuple[str, ...], task: Task) -> None:
    from ..declarative import fault  # its patterns take time to compile

    if len(texts) != task.values["count"]:
        raise Unfit("wrong_count", f"{len(texts)}, not {task.values['count']}")
    if len({plain(text) for text in texts}) < len(texts):
        raise Unfit("said_twice")
    for text in texts:
        if _EXAMPLE.fullmatch(plain(text)):
            raise Unfit("example", text)
        check_spoken(text, task)
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
