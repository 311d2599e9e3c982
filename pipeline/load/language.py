"""Which language a dialogue is in: Chinese, or one that puts spaces between words."""

import re
from collections.abc import Iterable

LANGUAGES = ("en", "zh")

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_OTHER_WORD = re.compile(r"[^\W\d_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def guess_language(texts: Iterable[str]) -> str:
    """`zh` if Han characters are at least as many as words of other scripts, else `en`.

    Everything that is not Chinese is treated as English: words by white space,
    English transitions.
    """
    held = list(texts)
    if all(map(str.isascii, held)):
        return "en"
    han = sum(len(_HAN.findall(text)) for text in held if not text.isascii())
    if not han:
        return "en"
    return "zh" if han >= sum(len(_OTHER_WORD.findall(text)) for text in held) else "en"
