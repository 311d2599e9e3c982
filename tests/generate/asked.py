"""Requests for tests, and what a fake reply to them is."""

from typing import Any

from duplexdata.pipeline.generate.request import Request

BASE_URL = "http://127.0.0.1:9/v1"


def request(number: int = 0, *, base_url: str = BASE_URL, attempt: int = 0, **body: Any) -> Request:
    """The request of this number; `body` replaces or adds fields."""
    whole = {
        "model": "fake-small",
        "messages": [
            {"role": "system", "content": "Join transition and message."},
            {
                "role": "user",
                "content": '{"language": "en", "transition": "Wait,", "message": "Why are there '
                f'{number} hawks?"}}',
            },
        ],
        "max_tokens": 100,
    }
    return Request("fuse", base_url, whole | body, attempt)


def reply(text: str = "Wait, why?") -> str:
    """A raw reply."""
    return f'{{"choices":[{{"message":{{"content":"{text}"}}}}]}}'
