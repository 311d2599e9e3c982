"""Whether a text is something that is said: rules for every text that a model writes.

What the source says itself is no fault, so most rules look at the task's material too.
"""

import re
from collections.abc import Iterable

from ..load.language import guess_language
from .kept import words_of
from .parsing import Unfit
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


def check_text(text: str, task: Task, markers: Iterable[str]) -> None:
    """What holds for every text, whatever its kind.

    Raises:
        Unfit: it does not hold.
    """
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
    if guess_language([text]) != task.language and len(words_of(text)) > 1:
        own = task.values.get("message") or task.values.get("rest") or task.material
        if guess_language([str(own)]) == task.language:
            raise Unfit("wrong_language", text[:80])
    strange = len(_OTHER_SCRIPT.findall(text))
    if strange > len(text) / 10 and not _OTHER_SCRIPT.search(task.material):
        raise Unfit("wrong_language", text[:80])
