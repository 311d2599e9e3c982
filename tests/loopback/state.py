"""What the loopback server remembers: counts, tries of each body, the tokens of the cap."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from duplexdata.pipeline.generate.fake import Fake
from duplexdata.tests.loopback.knobs import Knobs


@dataclass(slots=True)
class Counts:
    """What happened since the start or the last reset.

    Attributes:
        requests: requests for a completion that came in, over chat/completions.
        statuses: how they were answered, by status; one whose connection broke in the
            middle of its body counts under the status that was sent.
        tries: by body, how often it was asked for, over chat/completions and batches.
        paid: by body, how often a whole reply to it was sent: a 200, or a line of a
            batch's output.
        kinds: paid replies by kind.
        models: paid replies by model.
        faults: paid replies by their fault of content.
        transport_faults: tries that failed on the way, or were slow, by fault.
        max_in_flight: the most requests that were in the works at once.
        prompt_tokens: of the paid replies.
        completion_tokens: the same.
    """

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    transport_faults: Counter[str] = field(default_factory=Counter)
    max_in_flight: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def pay(self, digest: str, model: str, made: Fake) -> None:
        """Counts a reply that was sent whole."""
        self.paid[digest] += 1
        self.kinds[made.kind] += 1
        self.models[model] += 1
        if made.fault:
            self.faults[made.fault] += 1
        self.prompt_tokens += made.prompt_tokens
        self.completion_tokens += made.completion_tokens


@dataclass(slots=True)
class Cap:
    """A bucket of tokens that holds one second's worth and fills while time passes."""

    tokens: float = 0.0
    at: float | None = None

    def takes(self, rate: float, now: float) -> bool:
        """Whether one more request fits under the rate, per second."""
        if self.at is None:
            self.tokens = rate
        else:
            self.tokens = min(rate, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class File:
    """An uploaded file, or one that a batch wrote."""

    id: str
    name: str
    purpose: str
    content: bytes


@dataclass(slots=True)
class Batch:
    """A batch job.

    Attributes:
        told: what the interface says of it.
        lines: its requests.
        faults: what is wrong with its input file.
        expires: whether it will, with half of its lines done.
        polls: how often it was asked about.
    """

    told: dict[str, Any]
    lines: list[dict[str, Any]]
    faults: list[dict[str, Any]]
    expires: bool
    polls: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.told["status"] in {"completed", "failed", "expired", "cancelled"}


@dataclass(frozen=True, slots=True)
class Watch:
    """Who waits until a count of `State.told` is as high.

    Attributes:
        whose: waits; a process's id.
        done: is set then, or when it is let go.
    """

    whose: str
    name: str
    least: int
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class State:
    """All that changes while the server runs."""

    knobs: Knobs
    counts: Counts = field(default_factory=Counts)
    cap: Cap = field(default_factory=Cap)
    in_flight: int = 0
    deaths: int = 0
    expired: int = 0
    erred: int = 0
    kept_back: int = 0
    held: int = 0
    files_made: int = 0
    batches_made: int = 0
    files: dict[str, File] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)
    watches: list[Watch] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Tells those who wait for what has just been counted."""
        if self.watches:
            told = self.told()
            for one in self.watches:
                if told[one.name] >= one.least or one.whose in self.gone:
                    one.done.set()

    def let_go(self, whose: str) -> None:
        """Ends what somebody waits for, or will."""
        self.gone.add(whose)
        self.look()

    def reset(self) -> None:
        """Forgets everything but the knobs; names of files and batches are not used again."""
        self.counts, self.cap, self.deaths = Counts(), Cap(), 0
        self.expired = self.erred = self.kept_back = self.held = 0
        self.files.clear()
        self.batches.clear()

    def told(self) -> dict[str, Any]:
        """What `/_stats` says.

        `distinct` are bodies asked for, `repeated` paid replies to a body that was paid
        for before, `held` calls that were held, `kept_back` files that were not given
        out; the rest is as in `Counts`.
        """
        counts = self.counts
        paid = counts.paid.total()
        return {
            "requests": counts.requests,
            "statuses": counts.statuses,
            "distinct": len(counts.tries),
            "paid": paid,
            "repeated": paid - len(counts.paid),
            "kinds": counts.kinds,
            "models": counts.models,
            "faults": counts.faults,
            "transport_faults": counts.transport_faults,
            "in_flight": self.in_flight,
            "max_in_flight": counts.max_in_flight,
            "prompt_tokens": counts.prompt_tokens,
            "completion_tokens": counts.completion_tokens,
            "deaths": self.deaths,
            "files": len(self.files),
            "batches": len(self.batches),
            "batches_under_way": sum(not one.is_over for one in self.batches.values()),
            "held": self.held,
            "kept_back": self.kept_back,
        }
