"""Characters that act on a terminal or a page, or are not seen there, spelled out."""

import re

UNSEEN = re.compile(
    "([\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f])"
)
"""What moves the cursor, turns the direction of text, or takes no place where it matters.

ZWJ and ZWNJ stay: emoji and scripts are made with them.
"""


def spelled_out(character: str) -> str:
    """Such a character, by its code."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
