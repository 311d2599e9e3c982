"""What a run used of a model, in words and numbers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .asking import Usage

_LONG = 10.0
"""Seconds without a reply after which it is said, and why."""

_SHOWN = 120
"""Characters of what a server says, while a run goes on."""


def told(usage: "Usage") -> str:
    """In one line, at the end of a run."""
    failed = f", {usage.given_up:,} failed" if usage.given_up else ""
    jobs = f" in {usage.jobs.sent:,} batch jobs" if usage.jobs else ""
    pushed_back = "" if usage.jobs else f"{usage.refusals:,} pushed back, "
    return (
        f"asked {usage.requests:,} times{jobs}: {usage.replies:,} replies "
        f"({usage.tokens.prompt:,} tokens in, {usage.tokens.completion:,} out{_cost(usage)}), "
        f"{pushed_back}{usage.retries:,} tried again{failed}"
    )


def progress(usage: "Usage") -> str:
    """In one line, while a run goes on."""
    jobs = usage.jobs
    if jobs is not None:
        minutes, seconds = divmod(round(jobs.seconds), 60)
        done = f" ({jobs.done:,} of {jobs.requests:,} done, {jobs.failed:,} failed)"
        return (
            f"batch jobs: {jobs.sent:,} sent, {jobs.over:,} over, {jobs.running:,} running"
            f"{done if jobs.running else ''} after {minutes}:{seconds:02}; "
            f"stored {usage.replies:,}{_cost(usage)}"
        )
    return (
        f"asked {usage.requests:,}, stored {usage.replies:,}, in flight {usage.in_flight} "
        f"of {usage.level}, pushed back {usage.refusals:,}{_cost(usage)}{_silence(usage)}"
    )


def _silence(usage: "Usage") -> str:
    if usage.silence < _LONG:
        return ""
    why = usage.trouble if len(usage.trouble) <= _SHOWN else f"{usage.trouble[:_SHOWN]} ..."
    return f"; no reply for {usage.silence:.0f} s" + (f": {why}" if why else "")


def facts(usage: "Usage | None") -> dict[str, int]:
    """For `run.json`."""
    if usage is None:
        return {}
    jobs = {"jobs": usage.jobs.sent} if usage.jobs else {}
    return jobs | {
        "requests": usage.requests,
        "replies": usage.replies,
        "tokens_in": usage.tokens.prompt,
        "tokens_out": usage.tokens.completion,
        "pushed_back": usage.refusals,
        "tried_again": usage.retries,
        "failed": usage.given_up,
    }


def cost(usage: "Usage | None") -> float:
    """In the unit of the prices."""
    return usage.cost if usage else 0.0


def _cost(usage: "Usage") -> str:
    return f", cost {usage.cost:,.4f}" if usage.cost else ""
