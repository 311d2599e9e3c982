"""An own reading of source rows as dialogues, layout by layout."""

from typing import Any

from .nouns import SourceDialogue

KEYS = {
    "ultrachat": "data",
    "ultrachat_200k": "messages",
    "openai": "messages",
    "sharegpt": "conversations",
    "oasst": "prompt",
}
"""The key under which each layout keeps its messages."""

_NAMES = {"sharegpt": ("from", "value"), "oasst": ("role", "text")}
"""What a message calls its role and its content, where it is not just that."""

_ROLES = {
    "prompter": "user",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
}


def guess_layout(record: Any) -> str | None:
    """The layout whose key a row has, or None."""
    if not isinstance(record, dict) or "utterances" in record:
        return None
    if isinstance(record.get("prompt"), dict) and "replies" in record["prompt"]:
        return "oasst"
    return next((name for name, key in KEYS.items() if isinstance(record.get(key), list)), None)


def ids_of(record: Any) -> list[str]:
    """What a row may be called in a source id: text that is not empty, or a whole number."""
    if not isinstance(record, dict):
        return []
    named = (record.get("id"), record.get("prompt_id"), record.get("message_tree_id"))
    return [str(one) for one in named if (isinstance(one, str) and one) or type(one) is int]


def read_dialogue(record: Any, layout: str) -> SourceDialogue | None:
    """The dialogue of a row, or None where the row cannot be used.

    System messages and a trailing user turn are dropped.
    """
    messages = record.get(KEYS[layout]) if isinstance(record, dict) else None
    if layout == "oasst" and isinstance(messages, dict):
        messages = _longest_path(messages)
    if not isinstance(messages, list):
        return None
    system = 0
    if layout == "ultrachat":
        spoken = [(("user", "assistant")[index % 2], one) for index, one in enumerate(messages)]
    else:
        read = [_message(one, layout) for one in messages]
        if None in read:
            return None
        spoken = [one for one in read if one and one[0] != "system"]
        system = len(read) - len(spoken)
    turns = [_text(content) for _, content in spoken]
    if any(role != ("user", "assistant")[index % 2] for index, (role, _) in enumerate(spoken)):
        return None
    trailing = len(turns) % 2
    if trailing:
        turns.pop()
    kept = tuple(one for one in turns if one is not None and one.strip())
    if not kept or len(kept) < len(turns):
        return None
    return SourceDialogue(kept, system, trailing)


def _longest_path(prompt: dict[str, Any]) -> list[dict[str, Any]]:
    """Of all paths from the prompt to an answer the longest, of these the first by rank."""
    longest: list[dict[str, Any]] = []
    waiting = [[] if prompt.get("deleted") else [prompt]]
    while waiting:
        path = waiting.pop()
        if not path:
            break
        if path[-1].get("role") == "assistant" and len(path) > len(longest):
            longest = path
        replies = path[-1].get("replies")
        there = [one for one in replies or () if isinstance(one, dict) and not one.get("deleted")]
        # The best is taken from the end first, so that it comes before those as long.
        by_rank = sorted(there, key=lambda one: (one.get("rank") is None, one.get("rank") or 0))
        waiting += [[*path, one] for one in reversed(by_rank)]
    return longest


def _message(message: Any, layout: str) -> tuple[str, Any] | None:
    if not isinstance(message, dict) or message.get("tool_calls") or message.get("function_call"):
        return None
    role, content = _NAMES.get(layout, ("role", "content"))
    known = _ROLES.get(str(message.get(role)))
    return (known, message.get(content)) if known else None


def _text(content: Any) -> str | None:
    """The text of a content; a list of parts is joined as it is, if all are text."""
    if isinstance(content, list):
        parts: list[Any] = [
            one.get("text", one.get("value"))
            if isinstance(one, dict) and one.get("type") == "text"
            else None
            for one in content
        ]
        content = "".join(parts) if all(isinstance(one, str) for one in parts) else None
    if not isinstance(content, str):
        return None
    try:
        content.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return None
    return content
