"""Whether what a model wrote can be spoken: rules for each kind of ask.

A check refuses rather too much: a refused reply is asked for again, and at last the offline
writer stands in; a bad one in a row stays there.
"""

import re
from collections.abc import Iterable

from .kept import kept, lost_numbers, plain, words_of
from .parsing import Unfit, parsed
from .speech import check_text
from .task import Task

_ENDS_A_QUESTION = re.compile(r"[?？]|[吗呢么][。.…]?\s*$")

_KEPT_OF_A_MESSAGE = 0.8
_KEPT_OF_A_REST = 0.6
_SAME_ANSWER = 0.9
"""Shares of words; see `kept`."""


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
    if plain(text) == plain(message):
        raise Unfit("no_transition")
    if len(text) > 1.5 * (len(message) + len(transition)) + 120:
        raise Unfit("too_long", f"{len(text)} code points")
    lost = lost_numbers(text, message)
    if lost or kept(message, text) < _KEPT_OF_A_MESSAGE:
        raise Unfit("lost_words", " ".join([*lost, *sorted(words_of(message) - words_of(text))]))


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
    if "\n" in question or not _ENDS_A_QUESTION.search(question):
        raise Unfit("not_a_question", question[:80])
    if len(question) > (120 if task.language == "zh" else 300):
        raise Unfit("too_long", question[:80])
    if len(resumption) > 1.5 * len(rest) + 1500:
        raise Unfit("too_long", f"{len(resumption)} code points")
    if len(resumption) < 0.6 * len(rest) or kept(rest, resumption) < _KEPT_OF_A_REST:
        raise Unfit("lost_rest", " ".join(sorted(words_of(rest) - words_of(resumption))[:20]))


def _check_statement(texts: tuple[str, ...], task: Task) -> None:
    from ..declarative import fault  # its patterns take time to compile

    if len(texts) != task.values["count"]:
        raise Unfit("wrong_count", f"{len(texts)}, not {task.values['count']}")
    if len({plain(text) for text in texts}) < len(texts):
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
