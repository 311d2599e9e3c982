"""What a recipe would ask a model, and what that would cost; without a request."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from .block_asks import live_writer
from .block_work import BlockTask, begin
from .dialogue import OFFLINE, PENDING, Ask, Reply
from .engine import ENGINES
from .errors import RecipeError
from .generate import WRITERS
from .generate.live import LeaveOut, LiveWriter
from .generate.means import Means
from .generate.prompts import KINDS
from .generate.request import Request, Tokens
from .recipe import Recipe
from .rehearsal import rehearsed

_BYTES_A_TOKEN = 4
_LEAST_OUT = 24
"""Tokens of JSON and of what a reply has beside the texts that it is made of."""


@dataclass(slots=True)
class Asks:
    """The asks of a kind.

    Attributes:
        stored: that have a reply already.
        wanted: that have none.
        prompt, completion: tokens of these, about.
    """

    stored: int = 0
    wanted: int = 0
    prompt: int = 0
    completion: int = 0

    def add(self, other: "Asks") -> None:
        """Adds the asks of another block."""
        self.stored += other.stored
        self.wanted += other.wanted
        self.prompt += other.prompt
        self.completion += other.completion


@dataclass(slots=True)
class Counted:
    """The asks of a block by kind, each request once, and its rows."""

    rows: int = 0
    asks: dict[str, Asks] = field(default_factory=lambda: {kind: Asks() for kind in KINDS})


def count_task(task: BlockTask) -> Counted:
    """Counts what the rows of a block ask."""
    work = begin(task)
    counting = _Counting(live_writer(task), Counted(rows=len(work.rows)))
    writer = work.writer_with(counting.reply)
    for row in work.rows:
        try:
            work.script(row, writer)
        except LeaveOut:
            counting.live.wanted.clear()
    return counting.counted


@dataclass(slots=True)
class _Counting:
    """Replies as the live writer does, and counts."""

    live: LiveWriter
    counted: Counted
    _seen: set[str] = field(default_factory=set)

    def reply(self, ask: Ask) -> Reply:
        """The reply to an ask, or what stands in for it."""
        replied = self.live.reply(ask)
        tokens = _LEAST_OUT + _tokens_of(ask)
        if ask.is_open:
            self._want(self.live.first_request(ask), tokens)
        elif replied.origin != PENDING:
            self._stored(ask, replied)
        first = ask.is_open or any(request.kind == ask.kind for request in self.live.wanted)
        for request in self.live.wanted:
            self._want(request, tokens if request.kind == ask.kind else _LEAST_OUT)
        if first:  # what is to be judged has not come: about as long as what stands in for it
            for request in self.live.critiques(ask, replied.texts):
                self._want(request, _LEAST_OUT)
        self.live.wanted.clear()
        return replied

    def _stored(self, ask: Ask, replied: Reply) -> None:
        self.counted.asks[ask.kind].stored += 1
        if replied.origin != OFFLINE:
            critiques = self.live.critiques(ask, replied.texts)
            self.counted.asks["critique"].stored += len(critiques)

    def _want(self, request: Request, tokens: int) -> None:
        """Counts a request, once, and so many tokens of its reply."""
        if request.key not in self._seen:
            self._seen.add(request.key)
            asks = self.counted.asks[request.kind]
            asks.wanted += 1
            asks.prompt += _bytes_of(request) // _BYTES_A_TOKEN
            asks.completion += tokens


def _bytes_of(request: Request) -> int:
    return sum(len(message["content"].encode()) for message in request.body["messages"])


def _tokens_of(ask: Ask) -> int:
    """About the tokens of a reply: those of the texts that it is made of."""
    values = ask.values
    texts: tuple[str, ...]
    if ask.kind == "fuse":
        texts = (values["transition"], values["message"])
    elif ask.kind == "answer":
        texts = (values["answer"][:1600],)
    elif ask.kind == "aside":
        texts = (values["question"], values["answer"], values["bridge"], values["rest"][:2000])
    else:
        texts = tuple(values["statements"])
    return sum(len(text.encode()) for text in texts) // _BYTES_A_TOKEN


def estimate(recipe: Recipe, means: Means | None, *, workers: int, engine: str) -> Iterator[str]:
    """Says what a recipe would ask, in lines.

    Raises:
        RecipeError: it asks no model.
        InputError: the recipe, a source or the tokenizer is wrong.
    """
    if not WRITERS[recipe.llm].asks or means is None:
        raise RecipeError("nothing is asked with --llm offline; say --llm openai and a --model")
    store = means.store(recipe)
    total = Counted()
    with (
        rehearsed(recipe, store=store, workers=workers, engine=engine) as tasks,
        closing(ENGINES[engine](count_task, iter(tasks), workers)) as blocks,
    ):
        for block in blocks:
            total.rows += block.rows
            for kind, asks in block.asks.items():
                total.asks[kind].add(asks)
    yield from _lines(recipe, means, store, total)


def _lines(recipe: Recipe, means: Means, store: Path, total: Counted) -> Iterator[str]:
    yield f"{total.rows:,} rows; model {recipe.model}" + (
        f", {recipe.model_strong} for asides" if recipe.model_strong else ""
    )
    yield f"replies: {store}"
    yield f"{'asks':<10}{'stored':>10}{'to ask':>10}{'tokens in':>14}{'tokens out':>14}"
    every = Asks()
    for kind, asks in total.asks.items():
        if asks.stored or asks.wanted:
            yield _line(kind, asks)
            every.add(asks)
    yield _line("all", every)
    limits = means.limits
    if limits.price_in or limits.price_out:
        cost = limits.cost(Tokens(every.prompt, every.completion))
        prices = f"{limits.price_in:g} in, {limits.price_out:g} out"
        yield f"cost: about {cost:,.2f} (a million tokens: {prices})"
    else:
        yield "cost: say --price-in and --price-out, of a million tokens"
    yield (
        "tokens are taken as 4 bytes each; a reply that is refused is asked for again, "
        f"at most {recipe.tries - 1} times, which is not counted"
    )


def _line(name: str, asks: Asks) -> str:
    numbers = (asks.stored, asks.wanted, asks.prompt, asks.completion)
    return f"{name:<10}" + "".join(
        f"{number:>{width},}" for number, width in zip(numbers, (10, 10, 14, 14), strict=True)
    )
