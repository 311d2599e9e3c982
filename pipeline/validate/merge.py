"""Whose each round of an interwoven row is: a search, as two dialogues may say the same."""

from collections.abc import Callable, Sequence

Fits = Callable[[int, int, int], bool]
"""Whether round `r` of the row is round `j` of dialogue `d`, given (r, d, j)."""

MOST_STEPS = 100_000
"""Steps of a search; only dialogues that say the same over many rounds take more."""


class TooManyWaysError(Exception):
    """The search was given up: too many rounds could be several dialogues'."""


def find_merge(
    rounds: Sequence[int], fits: Fits, *, ordered: bool, returning: bool
) -> tuple[list[int] | None, int]:
    """Finds an order in which the dialogues' rounds are those of the row.

    Args:
        rounds: how many each dialogue has; together as many as the row.
        fits: compares a round of the row with one of a dialogue.
        ordered: whether the dialogues must begin in their order.
        returning: whether one of them must be left and returned to.

    Returns:
        For each round of the row, the dialogue that it is of, or None where there
        is no such order; and how many rounds could be told at most.

    Raises:
        TooManyWaysError: it takes more than `MOST_STEPS`.
    """
    total, furthest, steps = sum(rounds), 0, 0
    spent = [0] * len(rounds)
    order: list[int] = []
    returned = [False]
    untried = [0]
    dead: set[tuple[tuple[int, ...], int, bool]] = set()
    while True:
        steps += 1
        if steps > MOST_STEPS:
            raise TooManyWaysError
        here, last = len(order), order[-1] if order else -1
        furthest = max(furthest, here)
        if here == total and (returned[-1] or not returning):
            return order, furthest
        state = (tuple(spent), last, returned[-1])
        whose = untried[-1]
        if here == total or whose == len(rounds) or state in dead:
            dead.add(state)
            untried.pop()
            returned.pop()
            if not order:
                return None, furthest
            spent[order.pop()] -= 1
            continue
        untried[-1] += 1
        begun = spent[whose] > 0
        if spent[whose] == rounds[whose] or (ordered and not begun and 0 in spent[:whose]):
            continue
        if fits(here, whose, spent[whose]):
            order.append(whose)
            spent[whose] += 1
            returned.append(returned[-1] or (begun and whose != last))
            untried.append(0)
