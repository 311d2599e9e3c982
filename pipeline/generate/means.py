"""How a run asks: what its bytes do not depend on. No part of the recipe."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RecipeError
from ..recipe import Recipe
from .asking import AnyAsking, Asking, Usage
from .database import store_path
from .pace import Limits
from .sending import Transport
from .store import Store
from .transport import AioHttpTransport, FakeTransport, OpenAITransport, import_beforehand

CLIENTS = {"openai": OpenAITransport, "aiohttp": AioHttpTransport}
PAUSE_VARIABLE = "DUPLEXDATA_BATCH_PAUSE"
_FAKE_FILE = "fake.sqlite3"


@dataclass(frozen=True, slots=True)
class Means:
    """How replies are had.

    Attributes:
        limits: of pace and cost.
        cache: the folder of the store of replies; the user's by default.
        key_file: that holds the API key, instead of the environment.
        client: whose connections are used, a name in `CLIENTS`.
        timeout: seconds that a reply may take.
        fake_latency: seconds before each reply of the fake engine.
        batch: whether requests are sent in batch jobs.
    """

    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    key_file: Path | None = None
    client: str = "openai"
    timeout: float = 300.0
    fake_latency: float = 0.0
    batch: bool = False

    def __post_init__(self) -> None:
        if self.client not in CLIENTS:
            raise RecipeError(f"--client {self.client}: it must be one of {', '.join(CLIENTS)}")
        if self.fake_latency < 0 or self.timeout <= 0:
            raise RecipeError("a time cannot be less than 0")
        if self.batch and (self.limits.rpm or self.limits.tpm):
            raise RecipeError("--rpm and --tpm say nothing of batch jobs: leave them out")
        if self.batch and self.client != "openai":
            raise RecipeError(f"--batch: jobs go over OpenAI's client, not --client {self.client}")

    def store(self, recipe: Recipe) -> Path:
        """The file of replies; the fake engine's are kept apart from those that were paid for."""
        return store_of(self.cache, fake=recipe.llm == "fake")

    def asking(
        self,
        recipe: Recipe,
        store: Store,
        show: Callable[[Usage], None] = lambda _usage: None,
        say: Callable[[str], None] = lambda _line: None,
    ) -> AnyAsking:
        """The way to replies.

        Args:
            recipe: whom it asks.
            store: where they are kept.
            show: told what was used while nothing else happens.
            say: told, in a line, what a user has to know.

        Raises:
            RecipeError: there is no such way to whom the recipe asks.
        """
        if not self.batch:
            transport = self.transport(recipe)
            import_beforehand(transport)  # while workers start
            return Asking(store, transport, self.limits)
        from .batch_server import BatchServer
        from .batching import BatchAsking

        server = BatchServer(recipe.base_url, self.key_file, self.timeout)
        return BatchAsking(store, server, self.limits, show, say, _first_pause())

    def transport(self, recipe: Recipe) -> Transport:
        """The way to whom the recipe asks."""
        if recipe.llm == "fake":
            return FakeTransport(recipe.seed, recipe.fake_faults, self.fake_latency)
        return CLIENTS[self.client](self.key_file, self.timeout)


def _first_pause() -> float:
    """Seconds until a new batch job is first looked at."""
    from .batching import FIRST_PAUSE

    named = os.environ.get(PAUSE_VARIABLE)
    try:
        seconds = float(named) if named else FIRST_PAUSE
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise RecipeError(f"{PAUSE_VARIABLE}={named}: it must be a number of seconds above 0")
    return seconds


def store_of(folder: Path | None, *, fake: bool) -> Path:
    """The file of replies in a cache folder, the user's by default."""
    path = store_path(folder)
    return path.with_name(_FAKE_FILE) if fake else path
