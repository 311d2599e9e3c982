"""When requests are sent, in a time that the tests tell."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from duplexdata.pipeline.errors import BudgetReached, RecipeError, ServerDown
from duplexdata.pipeline.generate.pace import Limits, Pace, Permit, Wait
from duplexdata.pipeline.generate.request import Tokens

SOME = Tokens(100, 50)


@dataclass
class Paced:
    """A pace and its time.

    Attributes:
        now: the time; tests move it.
        sent: the permits of those under way, in order.
    """

    now: float = 1000.0
    sent: list[Permit] = field(default_factory=list)
    pace: Pace = field(init=False)

    def with_limits(self, **limits: Any) -> "Paced":
        """Begins."""
        self.pace = Pace(Limits(**limits), lambda: self.now)
        return self

    def send(self, tokens: Tokens = SOME) -> Permit | Wait:
        """Asks to send one."""
        answer = self.pace.begin(tokens)
        if isinstance(answer, Permit):
            self.sent.append(answer)
        return answer

    def fill(self) -> int:
        """Sends as many as may be, waiting out what is only a spread; how many are under way."""
        while True:
            answer = self.send()
            if isinstance(answer, Wait):
                if answer.seconds is None or answer.seconds > 0.1:
                    return len(self.sent)
                self.now += answer.seconds + 1e-9

    def reply(self, number: int = 1, used: Tokens = SOME) -> None:
        """So many of the oldest get their reply."""
        for _ in range(number):
            self.pace.succeeded(self.sent.pop(0), used)

    def refuse(self, retry_after: float | None = 1.0, place: int = 0) -> None:
        """One is refused for want of room."""
        self.pace.pushed_back(self.sent.pop(place), retry_after)


def test_doubles_until_refused() -> None:
    """The level doubles in a round trip up to the ceiling, as long as nothing is refused."""
    paced = Paced().with_limits(max_in_flight=100)
    levels = []
    for _ in range(5):
        levels.append(paced.fill())
        paced.now += 1
        paced.reply(levels[-1])
    assert levels == [16, 32, 64, 100, 100]


def test_a_burst_cuts_once() -> None:
    """The first refusal of a burst takes a quarter off; those of requests sent before do not."""
    paced = Paced().with_limits(start=40)
    paced.fill()
    for _ in range(10):
        paced.refuse()
    assert paced.pace.level == 30
    paced.now += 1
    while paced.sent:
        paced.reply()
    paced.fill()
    paced.refuse()
    assert paced.pace.level == 23  # 30 and some, after replies, less a quarter


def test_first_cut_goes_to_what_was_kept_up_with() -> None:
    """Where doubling has overshot, the first cut is to what the server had under way on average."""
    paced = Paced().with_limits()
    for _ in range(3):
        under_way = paced.fill()
        paced.now += 0.2
        paced.reply(under_way)
    assert paced.pace.level == 128
    paced.fill()
    paced.refuse()
    assert 16 <= paced.pace.level <= 64


def test_grows_by_one_after_a_cut() -> None:
    """After the first cut a round trip adds one, and only if the level is in use."""
    paced = Paced().with_limits(start=40)
    paced.fill()
    paced.refuse()
    while paced.sent:
        paced.reply()
    level = paced.pace.level
    paced.now += 1
    paced.reply(paced.fill())
    assert paced.pace.level - level in {0, 1}
    paced.now += 1
    paced.reply(paced.fill())
    assert paced.pace.level - level in {1, 2}
    level = paced.pace.level
    for _ in range(50):
        paced.now += 1
        paced.send()
        paced.reply()
    assert paced.pace.level == level


def test_pause() -> None:
    """Nothing is sent for as long as the server asks, however many have room; then it goes on."""
    paced = Paced().with_limits()
    paced.fill()
    paced.refuse(retry_after=7)
    paced.reply(8)
    assert paced.send() == Wait(7)
    paced.now += 5
    assert paced.send() == Wait(2)
    paced.now += 2
    assert isinstance(paced.send(), Permit)


def test_pause_without_a_time() -> None:
    """A server that names no time is left alone for longer with each cut; a reply forgets that."""
    paced = Paced().with_limits(breaker_seconds=1e9, longest_pause=1e9)
    waits = []
    for _ in range(9):
        for _ in range(paced.fill()):
            paced.refuse(retry_after=None)
        answer = paced.send()
        assert isinstance(answer, Wait)
        assert answer.seconds is not None
        waits.append(answer.seconds)
        paced.now += answer.seconds + 1e-9
    assert waits == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    paced.fill()
    paced.reply()
    for _ in range(paced.fill()):
        paced.refuse(retry_after=None)
    assert paced.send() == Wait(0.5)


def test_never_below_one() -> None:
    """However often it is refused, one request is tried."""
    paced = Paced().with_limits(breaker_seconds=1e9)
    for _ in range(40):
        for _ in range(paced.fill()):
            paced.refuse()
        paced.now += 2
    assert paced.pace.level == 1
    assert isinstance(paced.send(), Permit)
    assert paced.send() == Wait(None)


def test_sends_are_spread() -> None:
    """Once a round trip is known, a level that is free is not used up in one moment."""
    paced = Paced().with_limits(start=16)
    paced.fill()
    paced.now += 0.2
    paced.reply(16)
    at_once = 0
    while isinstance(paced.send(), Permit):
        at_once += 1
    assert at_once < 10
    assert paced.fill() == 32
    assert paced.now < 1000 + 0.2 + 0.2


def test_requests_a_minute() -> None:
    """In no minute are more sent than may be, but for a second's worth at once."""
    paced = Paced().with_limits(rpm=120, max_in_flight=10_000, start=10_000)
    begun = paced.now
    sent = 0
    while paced.now < begun + 60:
        answer = paced.send()
        if isinstance(answer, Permit):
            sent += 1
        else:
            assert answer.seconds is not None
            paced.now += answer.seconds
    assert 118 <= sent <= 122


def test_tokens_a_minute() -> None:
    """Tokens are reserved by estimate and settled by what was used."""
    paced = Paced().with_limits(tpm=6000)  # 100 a second
    assert isinstance(paced.send(Tokens(300, 100)), Permit)  # more than a second holds: a debt
    assert paced.send(Tokens(50, 50)) == Wait(4)
    paced.now += 1
    paced.reply(used=Tokens(100, 100))  # 200 fewer than reserved
    assert paced.send(Tokens(50, 50)) == Wait(1)
    paced.now += 1
    assert isinstance(paced.send(Tokens(50, 50)), Permit)


def test_max_requests() -> None:
    """So many are paid for and no more: refusals and errors of the server cost nothing."""
    paced = Paced().with_limits(max_requests=3)
    assert paced.fill() == 3
    assert paced.send() == Wait(None)
    paced.pace.failed(paced.sent.pop(), maybe_paid=False)
    paced.refuse(0)
    assert paced.fill() == 3
    paced.pace.failed(paced.sent.pop(), maybe_paid=True)
    assert paced.send() == Wait(None)
    paced.reply(2)
    with pytest.raises(BudgetReached, match="--max-requests 3"):
        paced.send()


def test_max_cost() -> None:
    """What is under way counts by estimate; when it cost less, more is sent."""
    paced = Paced().with_limits(max_cost=0.0101, price_in=10, price_out=20)
    estimate = Tokens(100, 100)  # 0.003
    assert all(isinstance(paced.send(estimate), Permit) for _ in range(3))
    assert paced.send(estimate) == Wait(None)
    paced.reply(used=Tokens(100, 0))  # 0.001
    assert isinstance(paced.send(estimate), Permit)
    paced.reply(3, used=Tokens(100, 100))
    with pytest.raises(BudgetReached, match=r"--max-cost 0\.0101 .*0\.01 spent"):
        paced.send(estimate)


def test_breaker() -> None:
    """Failures for two minutes with no reply between end the run; a reply starts the time anew."""
    paced = Paced().with_limits(breaker_seconds=120)

    def fail() -> None:
        paced.send()
        paced.pace.failed(paced.sent.pop(), maybe_paid=False)

    paced.now += 500  # waiting for work is no failure
    fail()
    paced.now += 119
    fail()
    paced.send()
    paced.reply()
    paced.now += 119
    fail()
    paced.now += 119
    fail()
    paced.now += 1
    with pytest.raises(ServerDown, match="no reply for 120 seconds"):
        fail()


def test_breaker_of_refusals() -> None:
    """A server that only ever says "too many" is down too."""
    paced = Paced().with_limits(breaker_seconds=120)
    for _ in range(60):
        paced.fill()
        paced.refuse()
        paced.now += 2
    paced.fill()
    with pytest.raises(ServerDown):
        paced.refuse()


def test_long_pause() -> None:
    """A server that wants to be left alone for a day ends the run at once."""
    paced = Paced().with_limits()
    paced.fill()
    with pytest.raises(ServerDown, match="86400 seconds"):
        paced.refuse(retry_after=86400)


def test_dropped() -> None:
    """What we cut off may have been paid for, and makes room."""
    paced = Paced().with_limits(max_requests=20)
    paced.fill()
    while paced.sent:
        paced.pace.dropped(paced.sent.pop())
    assert paced.pace.in_flight == 0
    assert paced.fill() == 4


@pytest.mark.parametrize(
    "limits",
    [
        {"rpm": 0},
        {"tpm": -1},
        {"max_in_flight": 0},
        {"start": 0},
        {"max_requests": -1},
        {"max_cost": 1.0},
        {"max_cost": -1.0, "price_in": 1},
        {"max_cost": float("nan"), "price_in": 1},
        {"rpm": float("nan")},
    ],
)
def test_wrong_limits(limits: dict[str, float]) -> None:
    """A limit that cannot be kept is refused by its name."""
    with pytest.raises(RecipeError, match=next(iter(limits))):
        Limits(**limits)  # type: ignore[arg-type]  # one dictionary for all
