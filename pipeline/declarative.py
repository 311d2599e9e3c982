"""Rule 7: whether a text may stand as a statement, a remark that needs no answer.

Every statement passes `fault`, whoever wrote it: the shipped lists, a user's own
file, a model. The rule sees one text and no dialogue. Written rules speak first; in
Chinese, where they find a question, a request or nothing, weights learned from labelled
sentences have the last word. Where it is in doubt it refuses, for a good remark that is
lost costs less than a question nobody answers.
How it was measured, and what it gets wrong, is in docs/statements.md.
"""

import re

from .declarative_en import fault_en
from .declarative_learned import LANGUAGES as LEARNED
from .declarative_learned import is_unlike
from .declarative_tables import QUESTION, REQUEST
from .declarative_zh import fault_zh

EMPTY = "empty"
TWO_LINES = "two lines"
QUOTED = "wrapped in quotes"
MARK = "a question mark"
UNLIKE = "unlike a statement"
_LANGUAGES = ("en", "zh")


def fault(text: str, language: str) -> str | None:
    """Why a text may not stand as a statement.

    Args:
        text: the text as it would be spoken.
        language: `en` or `zh`, the dialogue's.

    Returns:
        None if it may, else a short reason.

    Raises:
        ValueError: for a language that has no rule.
    """
    ruled = rules_say(text, language)
    if ruled not in {None, QUESTION, REQUEST} or language not in LEARNED:
        return ruled
    if not is_unlike(text.strip(), language, ruled):
        return None
    return ruled or UNLIKE


def rules_say(text: str, language: str) -> str | None:
    """What the hand-written rules alone say of a text; see `fault`."""
    if language not in _LANGUAGES:
        raise ValueError(f"no rule for statements in {language!r}; known: en, zh")
    if not any(letter.isalnum() for letter in text):
        return EMPTY
    if _BREAK.search(text):
        return TWO_LINES
    text = text.strip()
    unquoted = _QUOTES.sub("", text)
    if is_wrapped(text) or not any(letter.isalnum() for letter in unquoted):
        return QUOTED
    bare = _QUOTES.sub(" X ", text) if language == "en" else _QUOTES.sub("某", text)
    if text[-1] in _MARKS or _ANY_MARK.search(bare):
        return MARK
    return fault_en(bare.replace("’", "'")) if language == "en" else fault_zh(bare)


_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_MARKS = "?？؟⁇⁈⁉‽¿﹖\u037e"
_ANY_MARK = re.compile(f"[{_MARKS}]")
_PAIRS = {"“": "”", "‘": "’", "«": "»", "「": "」", "『": "』", "‹": "›", "„": "“", "＂": "＂",
          '"': '"', "'": "'", "`": "`"}  # fmt: skip
_AFTER = " .,!?…。，！？；;*)）"
# What is quoted is not said by the speaker: "she kept yelling 'who is there?'".
_QUOTES = re.compile(
    r'"[^"]*"|“[^”]*”|«[^»]*»|「[^」]*」|『[^』]*』|＂[^＂]*＂'
    r"|(?<!\w)'[^']*(?:'\w[^']*)*'(?!\w)|‘[^‘’]*(?:’\w[^‘’]*)*’(?!\w)"
)


def is_wrapped(text: str) -> bool:
    """One quotation from end to end, or one that opens the text and never closes."""
    text = text.rstrip(_AFTER).lstrip(" *(（")
    close = _PAIRS.get(text[:1])
    if close is None:
        return False
    if text[0] in "'‘" and not text.endswith(close):
        return False  # 'tis, 'cause
    depth, last = 0, len(text) - 1
    for at, letter in enumerate(text):
        if letter == close and (letter != text[0] or not _opens(text, at)):
            if at in {0, last}:
                return True
            inside_word = letter in "'’" and text[at + 1].isalnum()
            depth -= not inside_word
            if depth == 0 and letter not in "'’":
                return False
        elif letter == text[0]:
            depth += 1
    return True


def _opens(text: str, at: int) -> bool:
    """Whether a straight quote opens: something follows it, and no letter stands before."""
    after = text[at + 1 : at + 2]
    return bool(after.strip()) and (at == 0 or text[at - 1].isspace())
