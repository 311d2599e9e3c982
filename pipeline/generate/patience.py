"""Calls of a server that are made again where that helps, from a thread that may be told to end."""

import threading
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from .pace import Limits
from .sending import Retry

Result = TypeVar("Result")

_LONGEST_BACKOFF = 20.0
_FAILURES = 3
"""A call may itself take long, so that fewer say little of the server."""


class Closed(Exception):  # noqa: N818  # what is so, not what went wrong
    """The thread was told to end."""


class Patience:
    """Makes calls, and makes them again.

    Args:
        limits: how long to go on, and how long to wait.
        closed: set when the thread is to end.
    """

    def __init__(self, limits: Limits, closed: threading.Event) -> None:
        """Calls nothing."""
        self._limits = limits
        self._closed = closed
        self._backoff = wait_random_exponential(multiplier=limits.backoff, max=_LONGEST_BACKOFF)
        self._retrying = Retrying(
            retry=retry_if_exception_type(Retry),
            wait=self._pause_of,
            stop=self._is_enough,
            sleep=self._nap,
            reraise=True,
        )

    def call(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What a function gives, having been called as often as it took.

        Raises:
            Retry: it failed for too long.
            Refused: the server refuses.
            Closed: the thread is to end.
        """
        if self._closed.is_set():
            raise Closed
        return self._retrying(function, *arguments)

    def _pause_of(self, state: RetryCallState) -> float:
        return max(self._backoff(state), _failure_of(state).retry_after or 0.0)

    def _is_enough(self, state: RetryCallState) -> bool:
        asked_for = _failure_of(state).retry_after or 0.0
        tried = state.seconds_since_start or 0.0
        is_down = state.attempt_number >= _FAILURES and tried >= self._limits.breaker_seconds
        return is_down or asked_for > self._limits.longest_pause

    def _nap(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise Closed


def _failure_of(state: RetryCallState) -> Retry:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Retry)  # noqa: S101  # nothing else is tried again
    return error
