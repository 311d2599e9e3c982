"""Requests that are in no batch job yet, and how many of them may be paid for."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from ..errors import BudgetReached
from .job_files import LINE_BYTES, MOST_BYTES
from .job_table import Waiting
from .pace import Limits

One = TypeVar("One")

_SOME = 512


@dataclass(slots=True)
class Gathered:
    """Requests to one model.

    Attributes:
        requests: in the order in which they are sent.
        size: of their lines, in bytes.
    """

    requests: deque[Waiting] = field(default_factory=deque)
    size: int = 0

    def add(self, one: Waiting) -> None:
        """One more."""
        self.requests.append(one)
        self.size += _size_of(one)

    def put_back(self, some: Sequence[Waiting]) -> None:
        """Those that were taken and not sent are the next to be taken."""
        self.requests.extendleft(reversed(some))
        self.size += sum(map(_size_of, some))

    def is_full(self, most: int) -> bool:
        """Whether they fill a job of at most so many."""
        return len(self.requests) >= most or self.size >= MOST_BYTES

    def take(self, most: int) -> list[Waiting]:
        """As many as fit in a job; one at least."""
        taken: list[Waiting] = []
        size = 0
        while self.requests and len(taken) < most:
            size += _size_of(self.requests[0])
            if taken and size > MOST_BYTES:
                break
            taken.append(self.requests.popleft())
        self.size -= sum(map(_size_of, taken))
        return taken


def by_some(many: Iterable[One]) -> Iterator[list[One]]:
    """All of them, a few hundred at a time."""
    # A thread that asks the store for each alone waits for its turn each time.
    rest = iter(many)
    while some := list(islice(rest, _SOME)):
        yield some


def _size_of(one: Waiting) -> int:
    return one.size + LINE_BYTES


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has spent, and may yet have to.

    Attributes:
        paid: requests that were, or may have been.
        cost: of these.
        under_way: requests in jobs that are not over.
        reserved: what these may cost.
    """

    paid: int
    cost: float
    under_way: int
    reserved: float


def affordable(group: Sequence[Waiting], limits: Limits, spent: Spent) -> int:
    """How many of some requests may be paid for, the first of them first.

    Raises:
        BudgetReached: none, whatever comes of those under way.
    """
    number = len(group)
    if limits.max_requests is not None:
        number = max(0, min(number, limits.max_requests - spent.paid - spent.under_way))
        if group and not number and not spent.under_way:
            raise BudgetReached(f"--max-requests {limits.max_requests} is reached")
    if limits.max_cost is not None:
        cost = spent.cost + spent.reserved
        for at, one in enumerate(group[:number]):
            cost += limits.cost(one.tokens)
            if cost > limits.max_cost:
                number = at
                break
        if group and not number and not spent.under_way:
            raise BudgetReached(
                f"--max-cost {limits.max_cost:g} is reached ({spent.cost:.4g} spent)"
            )
    return number
