"""What of a text another holds: its words, its numbers."""

import re

_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{4,}")
_ANY_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+")
_HAN = re.compile("[\u3400-\u9fff]+")

_NUMBER = re.compile(r"\d+(?:[.:]\d+)*")
_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WIDE_DIGITS = {0xFF10 + digit: str(digit) for digit in range(10)}

_ENGLISH = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
            "twelve")  # fmt: skip
_CHINESE = ("一(?![下些样会直起般边])", "[二两]", *"三四五六七八九十", "十一", "十二")
"""一 is not always a number: 等一下, 一些, 一样."""
_DIGITS = "一二三四五六七八九十百千万"
_SPELLED = {
    str(number): re.compile(rf"\b{english}\b|(?<![{_DIGITS}]){chinese}(?![{_DIGITS}])")
    for number, (english, chinese) in enumerate(zip(_ENGLISH, _CHINESE, strict=True), 1)
}


def plain(text: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def words_of(text: str) -> set[str]:
    """What a text is about: its longer words, and its pairs of Han characters."""
    words = set(_WORD.findall(text.lower()))
    for run in _HAN.findall(text):
        words.update(run[at : at + 2] for at in range(max(1, len(run) - 1)))
    return words


def kept(of: str, text: str) -> float:
    """The share of a text's words that another holds; 1 if it has none.

    Longer words may be inflected. Where there is one at most ("Who is he?") all words count,
    and as they are.
    """
    words, held = words_of(of), text.lower()
    found = {word for word in words if word in held}
    if len(words) < 2:
        short = set(_ANY_WORD.findall(of.lower()))
        found |= short & set(_ANY_WORD.findall(held))
        words |= short
    return len(found) / len(words) if words else 1.0


def lost_words(of: str, text: str) -> list[str]:
    """The words of a text that another does not hold."""
    held = text.lower()
    return sorted(word for word in words_of(of) if word not in held)


def lost_numbers(of: str, text: str) -> list[str]:
    """The numbers of a text that another does not hold, in digits or, up to twelve, spelled."""
    held, low = _numbers(text), text.lower()
    return sorted(
        number
        for number in _numbers(of) - held
        if number not in _SPELLED or not _SPELLED[number].search(low)
    )


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(_GROUPS.sub("", text.translate(_WIDE_DIGITS))))
