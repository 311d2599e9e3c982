"""Why a source row cannot be used."""

# Each reason, and what it says of the row; docs/rules.md lists them from here.
REASONS = {
    "not_utf8": "the line is not UTF-8",
    "not_json": "the line is not JSON",
    "not_an_object": "the row is JSON, but no object",
    "unknown_layout": "the row has not the keys of the layout that its file is read as",
    "unknown_role": "a message has no role, or one that the layout does not know",
    "tool_calls": "a message calls a tool or comes from one",
    "not_text": "a content is no text (a number, an object, half a surrogate pair)",
    "content_parts": "a content is a list with parts other than text",
    "empty_content": "a content is missing, null, empty or white space alone",
    "roles_out_of_order": "after system messages, roles do not alternate from the user on",
    "no_answer": "no user message is answered",
    "broken_script": "it has `utterances` that do not fit its slices or messages, or each other",
    "too_long": "it has more characters than the recipe's max_characters",
    "duplicate": "an earlier row has the same roles and texts",
    "not_drawn": "its source has a weight below 1, and chance did not draw it",
}


class Reject(Exception):  # noqa: N818  # a verdict on a row, not an error of ours
    """A row that cannot be used.

    Attributes:
        reason: a key of `REASONS`.
        detail: what was found, in a few words.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        """Makes a verdict."""
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail.encode(errors="backslashreplace").decode()  # half surrogate pairs
