"""The offline writer: joins what is there, invents nothing, needs no network."""

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from ... import prompts
from ..dialogue import OFFLINE, Ask, Reply

_CONTINUES = (",", "，", "、", "-", "–", "—")
_FIRST_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")


@dataclass(frozen=True, slots=True)
class Joining:
    """How a language joins a transition and a message; prompts/<language>/joining.toml."""

    separator: str
    lower_case: frozenset[str]


@lru_cache(maxsize=8)
def load_joining(language: str) -> Joining:
    """Reads how a language joins."""
    text = (files(prompts) / language / "joining.toml").read_text("utf-8")
    content = tomllib.loads(text)
    return Joining(content["separator"], frozenset(content["lower_case"]))


def join(transition: str, message: str, joining: Joining) -> str:
    """The transition and the message as one utterance.

    After a transition that ends a sentence the message keeps its capital; after
    one that ends in a comma or dash a first word of the closed list loses it.
    """
    first = _FIRST_WORD.match(message)
    if (
        transition.endswith(_CONTINUES)
        and first
        and first[0].replace("’", "'") in joining.lower_case
    ):
        message = message[0].lower() + message[1:]
    return transition + joining.separator + message


def offline_reply(ask: Ask) -> Reply:
    """The reply to an ask, from its own values alone."""
    joining = load_joining(ask.language)
    return Reply(join(ask.values["transition"], ask.values["message"], joining), OFFLINE)
