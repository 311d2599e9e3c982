"""The length budget of a run: how much text a row may hold, and what it may lose for that."""

from collections.abc import Sequence
from dataclasses import dataclass

from .nouns import EDITED, Said
from .report import Verdict
from .text import Cutter

SIDES = {"end": (False, True), "front": (True, False), "either": (True, True)}
"""Whether rounds may be missing at the front and at the end, by the recipe's `shorten`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most tokens of text in a row, and where whole rounds may be missing for it.

    Attributes:
        front: whether at the front of a row.
        end: whether at its end.
        exact: whether a round is missing only where the row would be too long with it;
            with statements in the recipe it would have brought some along.
        kept: whether every row keeps within it; one that a model made too long is left out
            only where statements are added.
    """

    max_tokens: int
    front: bool
    end: bool
    exact: bool
    kept: bool = True

    @property
    def sides(self) -> dict[str, bool]:
        """Where rounds may be missing, by the name of the side."""
        return {"front": self.front, "end": self.end}


def budget_of(max_tokens: int | None, shorten: str, statements: float) -> Budget | None:
    """The budget of a recipe, or None where it has none."""
    if max_tokens is None:
        return None
    return Budget(max_tokens, *SIDES[shorten], exact=statements == 0)


def check_budget(
    said: Sequence[Said] | None, language: str, budget: Budget, cutter: Cutter, verdict: Verdict
) -> None:
    """Checks that the text of a row, each utterance by itself, keeps within the budget."""
    verdict.scope += ("budget",)
    if said is None:
        verdict.leave("budget", "its utterances cannot be made out")
        return
    if not budget.kept:
        verdict.leave("budget", "what a model has made too long is left out by distract")
        return
    tokens = sum(cutter.tokens(_heard(one, language)) for one in said)
    # What stands between two slices of a user is not known, and may join two tokens.
    unknown = sum(len(one.slices) - 1 for one in said if one.slices)
    if tokens - unknown > budget.max_tokens:
        verdict.breach("budget", f"at most {budget.max_tokens} tokens of text", f"{tokens}")


def unneeded(
    said: Sequence[Said],
    beside: Sequence[Said],
    turns: Sequence[str],
    missing: Sequence[str],
    budget: Budget,
    cutter: Cutter,
) -> str | None:
    """How many tokens a row would hold with a missing round, if it might have kept it.

    Args:
        said: the turns of the source that are said in the row.
        beside: what else is said there.
        turns: of the source, one an utterance.
        missing: message and answer of the missing round next to the row.
        budget: of the run.
        cutter: counts tokens.

    Returns:
        The count in words, or None where the round had to go, or none can tell.
    """
    if not budget.exact or any(one.utterance.origin == EDITED for one in (*said, *beside)):
        return None  # what a person wrote was not there when the row was shortened
    texts = []
    own = [*turns[: len(said)], *[""] * (len(said) + len(beside) - len(turns[: len(said)]))]
    for one, turn in zip((*said, *beside), own, strict=True):
        if one.slices is None:
            texts.append(one.planned[: len(one.planned) - len(one.utterance.unheard)])
        elif len(one.slices) == 1:
            texts.append(one.slices[0])
        elif one.utterance.origin == "source":
            texts.append(turn)
        else:
            return None  # what stands between its slices is not known
    tokens = sum(map(cutter.tokens, (*texts, *missing)))
    return f"{tokens} with the next round" if tokens <= budget.max_tokens else None


def _heard(one: Said, language: str) -> str:
    """The text of an utterance that is heard; the white space between user slices is a guess."""
    if one.slices is not None:
        return ("" if language == "zh" else " ").join(one.slices)
    return one.planned[: len(one.planned) - len(one.utterance.unheard)]
