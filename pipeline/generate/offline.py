"""The offline writer: joins what is there, invents nothing, needs no network."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from ... import prompts
from ..dialogue import OFFLINE, SOURCE, Ask, Reply

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
    values = ask.values
    if ask.kind == "answer":
        return Reply((values["answer"],), SOURCE)
    if ask.kind == "aside":
        return Reply((values["question"], _resumed(values, joining)), OFFLINE)
    if ask.kind == "statement":
        return Reply(tuple(values["statements"]), OFFLINE)
    return Reply((join(values["transition"], values["message"], joining),), OFFLINE)


def _resumed(values: Mapping[str, str], joining: Joining) -> str:
    """The answer to an aside, a bridge, and the rest; a rest that begins a line still does."""
    answered = f"{values['answer']}{joining.separator}{values['bridge']}"
    if values["begun"].endswith("\n"):
        return f"{answered}\n{values['rest']}"
    return join(answered, values["rest"].lstrip(), joining)
