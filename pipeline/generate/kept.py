"""What of a text another holds: its words, its numbers."""

import re

_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]{4,}")
_HAN = re.compile("[\u3400-\u9fff]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


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
    """The share of a text's words that another holds; 1 if it has none."""
    words = words_of(of)
    if not words:
        return 1.0
    held = text.lower()
    return sum(word in held for word in words) / len(words)


def lost_numbers(text: str, message: str) -> list[str]:
    """The numbers of a message that a text does not hold."""
    return [number for number in _NUMBER.findall(message) if number not in text]
