"""The key of a server: read where it is needed, sent, and shown nowhere."""

import os
from pathlib import Path

from ..errors import RecipeError

KEY_VARIABLE = "OPENAI_API_KEY"
FILE_VARIABLE = "DUPLEXDATA_API_KEY_FILE"

_MASK = "[API key]"
_SHORTEST = 8
"""A shorter one ("EMPTY", "none") is no secret, but may well be a word of a text."""


class ApiKey:
    """A key, or none. Neither its text nor that of its parts is ever printed."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        """Takes the text, without white space around it."""
        self._text = text.strip()

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"ApiKey({_MASK if self else 'none'})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a key is not written anywhere, and so not pickled")

    def reveal(self) -> str:
        """The text, for the header that carries it and for nothing else."""
        return self._text

    def mask(self, text: str) -> str:
        """A text of the server in which the key does not stand."""
        if len(self._text) >= _SHORTEST and self._text in text:
            return text.replace(self._text, _MASK)
        return text


def load_api_key(file: Path | None = None) -> ApiKey:
    """The key from this file, else from DUPLEXDATA_API_KEY_FILE, else from OPENAI_API_KEY.

    Raises:
        RecipeError: the file cannot be read, or what it holds is no key.
    """
    named = os.environ.get(FILE_VARIABLE)
    if file is None and named:
        file = Path(named)
    if file is None:
        return _checked(os.environ.get(KEY_VARIABLE, ""), KEY_VARIABLE)
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise RecipeError(f"{file}: the API key's file cannot be read") from None
    key = _checked(text, str(file))
    if not key:
        raise RecipeError(f"{file}: the API key's file is empty")
    return key


def _checked(text: str, where: str) -> ApiKey:
    key = text.strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise RecipeError(f"{where}: holds no API key (one line of ASCII, no spaces)")
    return ApiKey(key)
