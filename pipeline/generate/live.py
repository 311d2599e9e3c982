"""The live writer: replies of a model, looked up in the store, read, checked, asked for again.

It never asks by itself. A request whose reply is not stored is noted as wanted, and a text
stands in for what has not come (origin `pending`), so that all that a script asks for at
once is known at once. When the replies are stored the script is written anew.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..dialogue import PENDING, Ask, Reply
from ..recipe import Recipe
from . import REPLY_REFUSED, REQUEST_FAILED
from .checks import checked
from .offline import offline_reply
from .parsing import Unfit, content_of, parsed
from .prompts import Prompts, reply_schema
from .request import Request
from .server import FAKE, server_of
from .task import Task, critique_of, task_of

_SENT_BACK = 2000
"""Code points of a refused reply that the model is shown again."""
CRITICISED = ("fuse", "statement")


class LeaveOut(Exception):  # noqa: N818  # what is to be done
    """A row cannot be made; `reason` says why."""

    def __init__(self, reason: str) -> None:
        """Makes it."""
        super().__init__(reason)
        self.reason = reason


class Tried(NamedTuple):
    """A request and what came of it.

    Attributes:
        request: what was asked.
        raw: the raw reply; None if it is not stored.
        fault: what was wrong with it, if anything was.
        detail: of the fault.
    """

    request: Request
    raw: str | None
    fault: str | None = None
    detail: str = ""


class _NotThereYet(Exception):  # noqa: N818  # never leaves this module
    """A reply has not come."""


@dataclass(slots=True)
class LiveWriter:
    """Replies to the asks of scripts, one script after the other.

    Attributes:
        recipe: whom to ask, how, and what to do when that fails.
        prompts: by language.
        stored: looks up a raw reply by its request's key.
        failed: keys of requests that got no reply, and will not in this run.
        tried: told of each request that is looked up.
        wanted: requests without a reply, since last emptied.
        refused: replies that could not be used, as `fuse/lost_words`.
    """

    recipe: Recipe
    prompts: Mapping[str, Prompts]
    stored: Callable[[str], str | None]
    failed: Collection[str] = ()
    tried: Callable[[Ask, Tried], None] | None = None
    wanted: list[Request] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def reply(self, ask: Ask) -> Reply:
        """The reply to an ask, or what stands in for it.

        Raises:
            LeaveOut: no text can be had, and none may stand in for it.
        """
        if ask.is_open:
            return _stand_in(ask)
        task = task_of(ask, self.recipe.markers)
        previous: tuple[str, Unfit] | None = None
        try:
            for attempt in range(self.recipe.tries):
                request = self._request(task, attempt, previous)
                raw = self._raw(ask, request)
                content, fault = content_of(raw)
                try:
                    if fault:
                        raise Unfit(fault, content[:80])  # noqa: TRY301  # as one of a check
                    texts = checked(task, content, self.recipe.markers)
                    self._criticise(ask, task, texts)
                except Unfit as unfit:
                    self._refuse(ask, request, raw, unfit)
                    previous = content, unfit
                else:
                    self._tell(ask, Tried(request, raw))
                    return Reply(texts, self._origin(request))
        except _NotThereYet:
            return _stand_in(ask)
        if self.recipe.on_failure == "offline" and ask.replaceable:
            return offline_reply(ask)
        raise LeaveOut(REPLY_REFUSED)

    def first_request(self, ask: Ask) -> Request:
        """What an ask would be asked with at first, its history taken as it is."""
        return self._request(task_of(ask, self.recipe.markers), 0, None)

    def critiques(self, ask: Ask, texts: Sequence[str]) -> list[Request]:
        """What the critic, if there is one, would be asked at first of the texts of a reply."""
        task = task_of(ask, self.recipe.markers)
        if not self.recipe.critic or task.kind not in CRITICISED:
            return []
        judged = [critique_of(task, _head(text, task), n) for n, text in enumerate(texts)]
        return [self._request(one, 0, None) for one in judged]

    def _origin(self, request: Request) -> str:
        return FAKE if self.recipe.llm == "fake" else request.model

    def _criticise(self, ask: Ask, task: Task, texts: tuple[str, ...]) -> None:
        """Has each text judged, if the recipe says so; all are asked for at once."""
        if not self.recipe.critic or task.kind not in CRITICISED:
            return
        waiting, wrong = False, None
        for number, text in enumerate(texts):
            try:
                why = self._verdict(ask, critique_of(task, _head(text, task), number))
            except _NotThereYet:
                waiting = True
            else:
                wrong = wrong or why
        if waiting:
            raise _NotThereYet
        if wrong:
            raise Unfit("critic", wrong)

    def _verdict(self, ask: Ask, task: Task) -> str | None:
        """Why the critic refuses a text; None if it does not. No verdict is no approval."""
        previous: tuple[str, Unfit] | None = None
        for attempt in range(self.recipe.tries):
            request = self._request(task, attempt, previous)
            raw = self._raw(ask, request)
            content, fault = content_of(raw)
            try:
                if fault:
                    raise Unfit(fault, content[:80])  # noqa: TRY301  # as one of the parser
                verdict = parsed(content, "critique")
            except Unfit as unfit:
                self._refuse(ask, request, raw, unfit)
                previous = content, unfit
            else:
                self._tell(ask, Tried(request, raw))
                return None if verdict["ok"] else str(verdict["why"])[:200] or "no reason given"
        return "the critic gave no verdict"

    def _raw(self, ask: Ask, request: Request) -> str:
        if request.key in self.failed:
            raise LeaveOut(REQUEST_FAILED)
        raw = self.stored(request.key)
        if raw is None:
            self.wanted.append(request)
            self._tell(ask, Tried(request, None))
            raise _NotThereYet
        return raw

    def _refuse(self, ask: Ask, request: Request, raw: str, unfit: Unfit) -> None:
        self.refused[f"{request.kind}/{unfit.fault}"] += 1
        self._tell(ask, Tried(request, raw, unfit.fault, unfit.detail))

    def _tell(self, ask: Ask, tried: Tried) -> None:
        if self.tried is not None:
            self.tried(ask, tried)

    def _request(self, task: Task, attempt: int, previous: tuple[str, Unfit] | None) -> Request:
        recipe, prompts = self.recipe, self.prompts[task.language]
        strong = task.kind == "aside" and recipe.model_strong
        messages = [
            {"role": "system", "content": prompts.instructions[task.kind]},
            {"role": "user", "content": _json(task.values)},
        ]
        if previous is not None:
            content, unfit = previous
            messages += [
                {"role": "assistant", "content": content[:_SENT_BACK] or "(nothing)"},
                {"role": "user", "content": prompts.ask_again(unfit.fault)},
            ]
        body: dict[str, Any] = {
            "model": strong or recipe.model,
            "messages": messages,
            "response_format": _form(task.kind),
        }
        if recipe.temperature is not None:
            body["temperature"] = recipe.temperature
        if recipe.max_reply_tokens:
            body["max_tokens"] = recipe.max_reply_tokens
        return Request(task.kind, server_of(recipe), {**body, **recipe.request}, attempt)


def _head(text: str, task: Task) -> str:
    """A text without what was joined to it."""
    return text.removesuffix(task.tail) if task.tail else text


def _stand_in(ask: Ask) -> Reply:
    return Reply(offline_reply(ask).texts, PENDING)


def _form(kind: str) -> dict[str, Any]:
    schema = {
        name: value
        for name, value in reply_schema(kind).items()
        if name not in ("$schema", "title")
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": kind, "strict": True, "schema": schema},
    }


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
