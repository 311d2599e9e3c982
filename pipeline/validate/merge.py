"""Whose each round of an interwoven row is: a search, as two dialogues may say the same."""

from collections.abc import Callable, Sequence

Fits = Callable[[int, int, int], bool]
"""Whether round `r` of the row is round `j` of dialogue `d`, given (r, d, j)."""

Order = list[tuple[int, int]]
"""For each round of the row, its dialogue and its number there."""

MOST_STEPS = 100_000
"""Steps of a search; only dialogues that say the same over many rounds take more."""

_NOT_BEGUN = -1


class TooManyWaysError(Exception):
    """The search was given up: too many rounds could be several dialogues'."""


def find_merge(
    rounds: Sequence[int],
    fits: Fits,
    *,
    ordered: bool,
    returning: bool,
    total: int | None = None,
    front: bool = False,
    end: bool = False,
) -> tuple[Order | None, int]:
    """Finds an order in which the dialogues' rounds are those of the row.

    Args:
        rounds: how many each dialogue has.
        fits: compares a round of the row with one of a dialogue.
        ordered: whether the dialogues must begin in their order.
        returning: whether one of them must be left and returned to.
        total: how many rounds the row has; by default all of the dialogues'.
        front: whether first rounds of a dialogue may be missing.
        end: whether last rounds of a dialogue may be missing.

    Returns:
        The order, or None where there is none; and how many rounds could be told at most.

    Raises:
        TooManyWaysError: it takes more than `MOST_STEPS`.
    """
    total = sum(rounds) if total is None else total
    furthest, steps = 0, 0
    spent = [_NOT_BEGUN] * len(rounds)  # the number of each dialogue's next round
    order: Order = []
    before: list[int] = []  # what `spent` said of the dialogue of each step
    returned = [False]
    untried = [0]
    dead: set[tuple[tuple[int, ...], int, int, bool]] = set()
    while True:
        steps += 1
        if steps > MOST_STEPS:
            raise TooManyWaysError
        here, last = len(order), order[-1][0] if order else -1
        furthest = max(furthest, here)
        whole = _NOT_BEGUN not in spent and (end or spent == list(rounds))
        if here == total and whole and (returned[-1] or not returning):
            return order, furthest
        moves = _moves(spent, rounds, ordered=ordered, front=front) if here < total else []
        state = (tuple(spent), here, last, returned[-1])
        if untried[-1] == len(moves) or state in dead:
            dead.add(state)
            untried.pop()
            returned.pop()
            if not order:
                return None, furthest
            spent[order.pop()[0]] = before.pop()
            continue
        whose, number = moves[untried[-1]]
        untried[-1] += 1
        if fits(here, whose, number):
            returned.append(returned[-1] or (spent[whose] != _NOT_BEGUN and whose != last))
            before.append(spent[whose])
            order.append((whose, number))
            spent[whose] = number + 1
            untried.append(0)


def _moves(spent: Sequence[int], rounds: Sequence[int], *, ordered: bool, front: bool) -> Order:
    """The rounds that may come next."""
    moves: Order = []
    for whose, (number, count) in enumerate(zip(spent, rounds, strict=True)):
        if number != _NOT_BEGUN:
            moves += [(whose, number)] if number < count else []
        elif not (ordered and _NOT_BEGUN in spent[:whose]):
            moves += [(whose, first) for first in range(count if front else min(1, count))]
    return moves
