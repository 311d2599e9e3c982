"""When the next request may be sent: concurrency, rates, budget, and when to give up.

Pure: no network, no waiting. `Pace.begin` says whether a request may be sent now, how many
seconds from now, or only after another has ended; the caller says how each one ended.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..errors import BudgetReached, RecipeError, ServerDown
from .concurrency import Concurrency
from .request import Tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, and how much.

    Attributes:
        max_in_flight: requests under way at once, at most.
        start: of them, at the begin.
        rpm, tpm: requests and tokens a minute.
        max_requests: requests that may be paid for.
        max_cost: their cost, in the unit of the prices.
        price_in, price_out: of a million tokens.
        breaker_seconds: failures for so long, with no reply between, end the run.
        backoff: seconds of a request's first wait after a failure, at most; each further one
            may be twice as long.
        longest_pause: seconds; a server that asks for more is taken to be down.

    Raises:
        RecipeError: a limit cannot be kept.
    """

    max_in_flight: int = 256
    start: int = 16
    rpm: float | None = None
    tpm: float | None = None
    max_requests: int | None = None
    max_cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    breaker_seconds: float = 120.0
    backoff: float = 1.0
    longest_pause: float = 600.0

    def __post_init__(self) -> None:
        for name in ("max_in_flight", "start", "rpm", "tpm"):
            value = getattr(self, name)
            if value is not None and not value > 0:  # NaN is not, either, and bounds nothing
                raise RecipeError(f"{name}: {value} is not more than 0")
        for name in ("max_requests", "max_cost", "price_in", "price_out"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise RecipeError(f"{name}: {value} is not 0 or more")
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise RecipeError("max_cost: without price_in and price_out no cost is known")

    def cost(self, tokens: Tokens) -> float:
        """What so many tokens cost."""
        return (tokens.prompt * self.price_in + tokens.completion * self.price_out) / 1e6


class Permit(NamedTuple):
    """That a request may be sent now.

    Attributes:
        number: in the order of sending.
        at: the time.
        tokens: reserved for it.
    """

    number: int
    at: float
    tokens: Tokens


class Wait(NamedTuple):
    """That nothing may be sent now.

    Attributes:
        seconds: after which to ask again; None: after another request has ended.
    """

    seconds: float | None


class Bucket:
    """So many a minute, one second's worth of them at once; a large one may leave a debt."""

    def __init__(self, per_minute: float, now: float) -> None:
        """Makes a full bucket."""
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate)
        self._level = self._most
        self._at = now

    def seconds_until(self, amount: float, now: float) -> float:
        """How long until an amount may be taken; 0 is now."""
        self._level = min(self._most, self._level + (now - self._at) * self._rate)
        self._at = now
        # As much as the bucket can ever hold is enough for what is larger than it.
        return max(0.0, (min(amount, self._most) - self._level) / self._rate)

    def take(self, amount: float) -> None:
        """Takes an amount, or gives back a negative one."""
        self._level = min(self._most, self._level - amount)


class Pace:
    """The state of all that; used by one thread.

    Args:
        limits: to be kept.
        clock: seconds that only go up.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with nothing under way."""
        now = clock()
        self._limits = limits
        self._clock = clock
        self._concurrency = Concurrency(
            limits.start, limits.max_in_flight, limits.longest_pause, now
        )
        self._rpm = Bucket(limits.rpm, now) if limits.rpm else None
        self._tpm = Bucket(limits.tpm, now) if limits.tpm else None
        self._failing_since: float | None = None
        self._paid = 0
        self._cost = 0.0
        self._reserved_cost = 0.0
        self.in_flight = 0

    @property
    def level(self) -> int:
        """How many requests may be under way at once."""
        return self._concurrency.level

    def begin(self, tokens: Tokens) -> Permit | Wait:
        """Asks to send a request that will take about so many tokens.

        Raises:
            BudgetReached: it cannot be paid for, whatever comes of those under way.
        """
        now = self._clock()
        if self._concurrency.is_full(self.in_flight) or self._short_of_budget(tokens):
            return Wait(None)
        total = sum(tokens)
        seconds = max(
            self._concurrency.seconds_until_next(now),
            self._rpm.seconds_until(1, now) if self._rpm else 0.0,
            self._tpm.seconds_until(total, now) if self._tpm else 0.0,
        )
        if seconds > 0:
            return Wait(seconds)
        if self._rpm:
            self._rpm.take(1)
        if self._tpm:
            self._tpm.take(total)
        self._reserved_cost += self._limits.cost(tokens)
        self.in_flight += 1
        return Permit(self._concurrency.send(now), now, tokens)

    def succeeded(self, permit: Permit, used: Tokens) -> None:
        """A reply came that took so many tokens."""
        self._concurrency.replied(permit.number, self._clock() - permit.at)
        self._failing_since = None
        self._end(permit, used, paid=True)

    def pushed_back(self, permit: Permit, retry_after: float | None) -> None:
        """The server had too much to do, and asked for so many seconds of pause.

        Raises:
            ServerDown: nothing but failures for too long, or the pause is too long.
        """
        self._end(permit, Tokens(0, 0), paid=False)
        now = self._clock()
        self._concurrency.pushed_back(permit.number, retry_after, now)
        self._still_failing(now)

    def failed(self, permit: Permit, *, maybe_paid: bool) -> None:
        """No reply came; where the server may have made one, its tokens count as spent.

        Raises:
            ServerDown: nothing but failures for too long.
        """
        self._end(permit, permit.tokens if maybe_paid else Tokens(0, 0), paid=maybe_paid)
        self._still_failing(self._clock())

    def dropped(self, permit: Permit) -> None:
        """We ended it ourselves."""
        self._end(permit, permit.tokens, paid=True)

    def _end(self, permit: Permit, used: Tokens, *, paid: bool) -> None:
        self.in_flight -= 1
        self._paid += paid
        self._cost += self._limits.cost(used)
        self._reserved_cost -= self._limits.cost(permit.tokens)
        if not self.in_flight:
            self._reserved_cost = 0.0  # floats do not add up to nothing by themselves
        if self._tpm:
            self._tpm.take(sum(used) - sum(permit.tokens))

    def _still_failing(self, now: float) -> None:
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= self._limits.breaker_seconds:
            raise ServerDown(
                f"no reply for {now - self._failing_since:.0f} seconds; go on when it is back"
            )

    def _short_of_budget(self, tokens: Tokens) -> bool:
        """Whether those under way must end first.

        Raises:
            BudgetReached: none is under way.
        """
        limits = self._limits
        if limits.max_requests is not None and self._paid + self.in_flight >= limits.max_requests:
            if self.in_flight:
                return True
            raise BudgetReached(f"--max-requests {limits.max_requests} is reached")
        if limits.max_cost is not None:
            needed = self._cost + self._reserved_cost + limits.cost(tokens)
            if needed > limits.max_cost:
                if self.in_flight:
                    return True
                raise BudgetReached(
                    f"--max-cost {limits.max_cost:g} is reached ({self._cost:.4g} spent)"
                )
        return False
