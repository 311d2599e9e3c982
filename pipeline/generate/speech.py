"""Whether a text is something that is said: rules for every text that a model writes.

What the source says itself is no fault, so most rules look at the task's material too.
"""

import re
from collections.abc import Iterable

from ..load.language import guess_language
from .kept import words_of
from .parsing import Unfit
from .task import Task

SLOTS = (
    *("topic", "sentence", "n", "term", "letters", "fault"),
    *("transition", "message", "question", "refused_answer", "said", "rest"),
)
"""Names that stand in braces in our texts, and those of a task's values. No others count, and
none in code or behind a sign of code or of a formula: `{name}` and `x_{n}` are no slots of ours."""
_SLOT = re.compile(r"(?<![A-Za-z0-9_^\\}/$>=(\[\"'`])\{(?:" + "|".join(SLOTS) + r")\}")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")
_TOKEN = re.compile(
    r"<[|｜][^<>\n]{1,40}[|｜]>|</?(?:think|thinking|reasoning|(?:start|end)_of_turn)>|</s>",
    re.IGNORECASE,
)
_OTHER_SCRIPT = re.compile("[\u0370-\u1fff\u3040-\u30ff\uac00-\ud7af]")

_OF_A_ROLE = r"(?:remark|statement|utterance|question|reply|answer|response|message|text)"
_ROLE = re.compile(
    rf"\s*\**(?:user|assistant|human|ai|bot|用户|助手|助理)(?:['’]s)?(?:\s*{_OF_A_ROLE})?"
    r"(?:\s*\d+)?\**\s*[:：]",
    re.IGNORECASE,
)

_LABEL = (
    r"\**(?:(?:the|a|first|second|new|final|fused|spoken)\s+)*"
    r"(?:utterance|remark|statement|output|transition|text)(?:\s*\d+)?\**\s*[:：]"
    r"|(?:第[一二三四五六七八九十\d]+句|话语|句子|输出|陈述)(?:\s*\d+)?\s*[:：]"
)
_LIST_MARK = r"\d{1,2}[.)、）](?!\d)|[-*•–—]\s|#+\s"
_DIRECTION = (
    r"\([^()\n]{1,40}\)|\[[^\[\]\n]{1,40}\]|（[^（）\n]{1,40}）|【[^【】\n]{1,40}】"
    r"|\*[^*\n]{1,40}\*"
)
_NOT_SPOKEN_FIRST = re.compile(rf"\s*(?:{_LABEL}|{_LIST_MARK}|{_DIRECTION})", re.IGNORECASE)
_NOT_SPOKEN = re.compile(
    r"\*\*|[(\[*（【](?:(?:laugh|chuckl|giggl|sigh|paus|smil|interrupt|nod|whisper)\w*"
    r"|大?笑|微笑|叹气|停顿|打断|点头)[^()\[\]*（）【】\n]{0,20}[)\]*）】]",
    re.IGNORECASE,
)

# What one may be, and what one is not who only works on it: "I'm an AI researcher".
_MODEL = (
    r"(?:an?\s+(?:(?!(?:of|in|with|about|to|by|for|at|on|who|that)\b)[\w-]+\s+){0,2})?"
    r"(?:ai|artificial intelligence|language model|chatbot|virtual assistant)\b"
    r"(?:\s+(?:language\s+)?(?:model|assistant|system|program|chatbot)\b)?"
)
_NO_MODEL = (
    r"(?![\s-]+(?:language\s+)?(?:models?\s+)?(?:research|engineer|scientist|develop|expert"
    r"|specialist|student|teacher|professor|consultant|programmer|compan|startup|lab\b|user|fan\b"
    r"|enthusiast|nerd|s[ck]eptic|trainer|ethic))"
)
_MODEL_ZH = r"(?:人工智能|AI|大?型?语言模型|虚拟助手|智能助手)+"
_ITSELF = re.compile(
    rf"\bi\s?['’]?a?m\s+(?:just\s+|only\s+|merely\s+)?{_MODEL}{_NO_MODEL}"
    rf"|(?:(?:\A|[.!?,;:…—\n])\s*|\b(?:speaking|being|just|only)\s+)as\s+(?:just\s+)?{_MODEL}"
    r"(?=\s*[,.;:!?…—–]|\s*\Z|\s+(?:i|my|trained|made|created|developed|designed|without|with)\b)"
    r"(?!,\s*(?:it|its|they|this)\b)"
    r"|\bmy (?:training data|knowledge cutoff)\b"
    rf"|(?:\A|[，。！？；：…,.!?;:\s]|我)作为一?[个名款位]?{_MODEL_ZH}(?:模型|助手|系统|程序)?"
    r"(?=[，,、。！!\s]|\Z|我|无法|不能|没有)(?![，,]它)"
    rf"|我(?:只|仅仅?)?是(?:一?[个名款位])?{_MODEL_ZH}"
    r"(?!语言|研究|工程|专家|公司|学生|爱好|开发|从业|训练|产品|行业|专业|迷|的)",
    re.IGNORECASE,
)

# Not every "I can't" refuses: "I can't help smiling", "I can't write that neatly".
_REFUSED = (
    r"(?:help(?:\s+(?:you|with|to)\b|\s*[.,;!]|\s*\Z)"
    r"|(?:write|do)\s+(?:that|this|it|these|those|them|such)"
    r"(?:\s+(?:remarks?|statements?|texts?|requests?|things?))?"
    r"(?:\s+(?:for|because|since)\b|\s*[.,;!]|\s*\Z)"
    r"|write\s+(?:an?\s+|any\s+)?(?:remarks?|statements?|texts?|sentences?|repl(?:y|ies)|about)\b"
    r"|(?:assist|fulfil|comply|provide|create|answer|generate))"
)
_REFUSAL = re.compile(
    r"\s*(?:(?:i['’]?\s?a?m\s+)?(?:very\s+)?sorry[,.]?\s+(?:but\s+)?)?i\s?(?:['’]m|am)?\s*"
    r"(?:can(?:no|['’])t|can not|won['’]t|will not|unable to|not able to)\s+"
    rf"{_REFUSED}"
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


def check_spoken(text: str, task: Task) -> None:
    """A user's text is what is said aloud, and nothing about how; answers may be written.

    Raises:
        Unfit: it is not.
    """
    from ..declarative import is_wrapped  # its patterns take time to compile

    message = str(task.values.get("message", ""))  # other material is full of lists
    for found in (_NOT_SPOKEN_FIRST.match(text), _NOT_SPOKEN.search(text)):
        if found and found[0] not in message:
            raise Unfit("not_spoken", text[:80])
    if is_wrapped(text) and not is_wrapped(message):
        raise Unfit("not_spoken", text[:80])


def _check_form(text: str, task: Task, markers: Iterable[str]) -> None:
    """A text is text, and holds nothing of a prompt or of a model's own signs."""
    if not any(letter.isalnum() for letter in text):
        raise Unfit("empty", text)
    if _NO_TEXT.search(text) and not _NO_TEXT.search(task.material):
        raise Unfit("not_text", repr(text[:80]))
    if _ROLE.match(text) and not _ROLE.match(str(task.values.get("message", ""))):
        raise Unfit("role_name", text[:80])
    for slot in _SLOT.findall(_CODE.sub("", text)):
        if slot not in task.material:
            raise Unfit("leftover_slot", slot)
    if "<" in text:
        for marker in (*markers, *_TOKEN.findall(text)):
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
