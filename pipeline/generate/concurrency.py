"""How many requests are under way at once: a level that finds itself under a server's refusals.

It begins low and grows by one with each reply, so that it doubles in a round trip, until the
server first says "too many"; from there on by one in a round trip. Sends are spread over a part of
the round trip: a wave of them at once would meet a wave of refusals. The first
refusal of a burst takes a quarter off, and nothing is sent until the time that the server asks
for has passed; refusals of requests sent before that cut say nothing new. The first cut of all
goes down to what the server has kept up with, since doubling may have gone far beyond it.
"""

from ..errors import ServerDown

_CUT = 0.75
_SPREAD = 1.25
"""Sends are at most so many times as fast as the level and round trip ask."""
_LONGEST_GAP = 0.005
"""Seconds between two sends at most: slow models would else wait for nothing."""
_CATCH_UP = 0.01
"""Seconds by which sends may be late and still be made up for; timers are no finer."""
_FIRST_PAUSE, _LONGEST_OWN_PAUSE = 0.5, 30.0
"""Seconds, where the server names none: doubled with each cut that no reply comes between."""


class Concurrency:
    """The level, and when the next request may be sent. All times are of the caller's clock.

    Args:
        start: the level at the begin.
        most: that it ever has.
        longest_pause: seconds; a server that asks for more is taken to be down.
        now: the time.
    """

    def __init__(self, start: int, most: int, longest_pause: float, now: float) -> None:
        """Begins with nothing sent."""
        self._level = float(min(start, most))
        self._most = float(most)
        self._longest_pause = longest_pause
        self._doubling = True
        self._paused_until = now
        self._next_at = now
        self._first_at = now
        self._sent = 0
        self._sent_at_cut = 0
        self._sent_at_full = 0
        self._replies = 0
        self._reply_seconds = 0.0
        self._cuts_in_a_row = 0

    @property
    def level(self) -> int:
        """How many requests may be under way at once."""
        return int(self._level)

    def seconds_until_next(self, now: float) -> float:
        """How long until a request may be sent, if one has room."""
        return max(0.0, self._paused_until - now, self._next_at - now)

    def is_full(self, in_flight: int) -> bool:
        """Whether another request, that is wanted now, has no room beside so many."""
        if in_flight < self.level:
            return False
        self._sent_at_full = self._sent
        return True

    def send(self, now: float) -> int:
        """Counts a request that is sent; its number."""
        if not self._sent:
            self._first_at = now
        self._sent += 1
        if self._replies:
            round_trip = self._reply_seconds / self._replies
            gap = min(_LONGEST_GAP, round_trip / (_SPREAD * self._level))
            self._next_at = max(self._next_at, now - _CATCH_UP) + gap
        return self._sent

    def replied(self, number: int, seconds: float) -> None:
        """The request of this number got its reply after so long."""
        self._replies += 1
        self._reply_seconds += seconds
        self._cuts_in_a_row = 0
        # A level that nobody has used up says nothing of a higher one.
        if number <= self._sent_at_full:
            self._level += 1.0 if self._doubling else 1.0 / self._level
        if self._level >= self._most:
            self._level = self._most
            self._doubling = False

    def pushed_back(self, number: int, retry_after: float | None, now: float) -> None:
        """The server refused a request for want of room, and asked for so many seconds.

        Raises:
            ServerDown: it asks for too many.
        """
        if number > self._sent_at_cut:
            self._sent_at_cut = self._sent
            kept_up = self._kept_up_with(now) if self._doubling else self._level
            self._level = max(1.0, min(self._level * _CUT, kept_up))
            self._doubling = False
            if retry_after is None:
                doubled = _FIRST_PAUSE * 2.0 ** min(self._cuts_in_a_row, 10)
                retry_after = min(_LONGEST_OWN_PAUSE, doubled)
            self._cuts_in_a_row += 1
        if retry_after is None:
            return
        if retry_after > self._longest_pause:
            raise ServerDown(
                f"the server asks for a pause of {retry_after:.0f} seconds; go on later"
            )
        self._paused_until = max(self._paused_until, now + retry_after)

    def _kept_up_with(self, now: float) -> float:
        """How many requests the server has had under way on average, by Little's law."""
        if not self._replies or now <= self._first_at:
            return self._level
        return self._reply_seconds / (now - self._first_at)
