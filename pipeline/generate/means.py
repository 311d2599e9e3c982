"""How a run asks: what its bytes do not depend on. No part of the recipe."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import RecipeError
from ..recipe import Recipe
from .database import store_path
from .pace import Limits
from .sending import Transport
from .transport import AioHttpTransport, FakeTransport, OpenAITransport

CLIENTS = {"openai": OpenAITransport, "aiohttp": AioHttpTransport}
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
    """

    limits: Limits = field(default_factory=Limits)
    cache: Path | None = None
    key_file: Path | None = None
    client: str = "openai"
    timeout: float = 300.0
    fake_latency: float = 0.0

    def __post_init__(self) -> None:
        if self.client not in CLIENTS:
            raise RecipeError(f"--client {self.client}: it must be one of {', '.join(CLIENTS)}")
        if self.fake_latency < 0 or self.timeout <= 0:
            raise RecipeError("a time cannot be less than 0")

    def store(self, recipe: Recipe) -> Path:
        """The file of replies; the fake engine's are kept apart from those that were paid for."""
        return store_of(self.cache, fake=recipe.llm == "fake")

    def transport(self, recipe: Recipe) -> Transport:
        """The way to whom the recipe asks."""
        if recipe.llm == "fake":
            return FakeTransport(recipe.seed, recipe.fake_faults, self.fake_latency)
        return CLIENTS[self.client](self.key_file, self.timeout)


def store_of(folder: Path | None, *, fake: bool) -> Path:
    """The file of replies in a cache folder, the user's by default."""
    path = store_path(folder)
    return path.with_name(_FAKE_FILE) if fake else path
