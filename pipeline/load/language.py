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
    han = words = 0
    for text in texts:
        if not text.isascii():
            han += len(_HAN.findall(text))
        words += len(_OTHER_WORD.findall(text))
    return "zh" if han and han >= words else "en"
