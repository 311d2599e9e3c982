"""Scripts from dialogues: an interaction type's script, shortened, with its statements.

Of a script that a source holds, what is left to do: it is settled, and may get statements.

A length budget (the recipe's `max_tokens`) is kept by leaving out whole rounds of a
script, from its end or its front. A round begins with a message that does not cut in, so
that an interruption, what it cuts, and the answer to it are one round, and never parted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .chance import Chance
from .dialogue import Ask, Dialogue, Reply, Script
from .distract import Distraction, distract
from .generate import finish
from .interrupt import TYPES
from .interrupt.interaction import Setting
from .interrupt.topic_interweaving import NAME as INTERWEAVING
from .load.block import GivenScript
from .recipe import Recipe
from .settle import settled
from .slice.slicer import Slicer
from .statements import Bank

Rounds = tuple[int, int]
"""The rounds of a script that are kept: the first, and the one after the last."""


_ORDINARY = ("message", "answer", "statement")
"""The kinds of utterances that may be left out: nothing else is missed."""


@dataclass(frozen=True, slots=True)
class Scriptwriter:
    """Writes the scripts of a block.

    Attributes:
        setting: what every script is written with.
        banks: of statements, by language.
        slicer: cuts and counts texts.
        recipe: of the run.
        reply: who writes what the source lacks.
    """

    setting: Setting
    banks: Mapping[str, Bank]
    slicer: Slicer
    recipe: Recipe
    reply: Callable[[Ask], Reply]

    def script(
        self, type_name: str, dialogues: Sequence[Dialogue], rounds: Rounds | None = None
    ) -> Script:
        """The script of a row: its type's, of which these rounds are kept, with statements."""
        script = self.interrupted(type_name, dialogues, rounds)
        return script if self.ordinary(dialogues) else self.distracted(script)

    def ordinary(self, dialogues: Sequence[Dialogue]) -> bool:
        """Whether a row of these dialogues stays ordinary chat."""
        return is_ordinary(dialogues[0], self.recipe)

    def interrupted(
        self, type_name: str, dialogues: Sequence[Dialogue], rounds: Rounds | None = None
    ) -> Script:
        """The script of a row before statements are added."""
        chance = Chance(self.recipe.seed, tuple(dialogue.key for dialogue in dialogues))
        script = finish(TYPES[type_name].script(dialogues, chance, self.setting), self.reply)
        return shortened(script, rounds) if rounds else script

    def distracted(self, script: Script) -> Script:
        """A script with statements, if there are to be any."""
        if not self.recipe.statements:
            return script
        distraction = Distraction(self.banks, self.slicer, self.recipe)
        return finish(distract(script, distraction), self.reply)

    def fits(self, type_name: str, dialogues: Sequence[Dialogue]) -> bool:
        """Whether the whole script of a row keeps within the budget."""
        if self.recipe.max_tokens is None:
            return True
        return self.tokens(self.script(type_name, dialogues)) <= self.recipe.max_tokens

    def rounds_that_fit(self, type_name: str, dialogues: Sequence[Dialogue]) -> Rounds | None:
        """The most rounds of a script that keep it within the budget; None if none do."""
        script = self.interrupted(type_name, dialogues)
        return self._rounds_of(script, finished=self.ordinary(dialogues))

    def given(self, given: GivenScript, rounds: Rounds | None = None) -> Script | None:
        """A script that a source holds, as it can be built; None where a cut has no place."""
        # Settled as it is cut later: the slices of a statement go by how many come before it.
        kept = shortened(given.script, rounds) if rounds else given.script
        script = settled(kept, self.slicer, self.recipe.seed)
        return None if script is None else self._completed(script, given.finished)

    def can_settle(self, given: GivenScript) -> bool:
        """Whether such a script can be built: whether each of its cuts has a place."""
        return settled(given.script, self.slicer, self.recipe.seed) is not None

    def given_fits(self, given: GivenScript) -> bool:
        """Whether the whole of such a script keeps within the budget; one without a place does."""
        if self.recipe.max_tokens is None:
            return True
        script = self.given(given)
        return script is None or self.tokens(script) <= self.recipe.max_tokens

    def given_rounds_that_fit(self, given: GivenScript) -> Rounds | None:
        """The most rounds of such a script that keep it within the budget; None if none do."""
        if given.script.type == INTERWEAVING and not given.script.whose:
            return None  # whose round is whose is not known
        script = settled(given.script, self.slicer, self.recipe.seed)
        return None if script is None else self._rounds_of(script, finished=given.finished)

    def _rounds_of(self, script: Script, *, finished: bool) -> Rounds | None:
        most = self.recipe.max_tokens or 0
        for rounds in ways_to_shorten(script, self.recipe.shorten):
            if self.tokens(self._completed(shortened(script, rounds), finished)) <= most:
                return rounds
        return None

    def _completed(self, script: Script, finished: bool) -> Script:
        return script if finished else self.distracted(script)

    def tokens(self, script: Script) -> int:
        """The tokens of all that is heard, each utterance encoded by itself."""
        return sum(self.slicer.tokens(one.text[: one.heard]) for one in script.utterances)


def is_ordinary(dialogue: Dialogue, recipe: Recipe) -> bool:
    """Whether a dialogue stays ordinary chat: `uninterrupted` alone, without statements."""
    if not recipe.sources:
        return False
    share = recipe.options(dialogue.source).ordinary
    return share > 0 and Chance(recipe.seed, (dialogue.key,)).of("ordinary").fraction() < share


def round_bounds(script: Script) -> list[int]:
    """The numbers of the utterances at which a round begins, and one past the last."""
    begins = [
        number for number, utterance in enumerate(script.utterances) if utterance.kind == "message"
    ]
    return [*begins, len(script.utterances)]


def shortened(script: Script, rounds: Rounds) -> Script:
    """The script with these rounds alone, before statements are added."""
    bounds = round_bounds(script)
    first, last = rounds
    whose = script.whose[first:last]
    order = list(dict.fromkeys(whose))  # the dialogues in the order in which they begin now
    return script._replace(
        utterances=script.utterances[bounds[first] : bounds[last]],
        source_ids=tuple(script.source_ids[one] for one in order) if whose else script.source_ids,
        whose=tuple(order.index(one) for one in whose),
    )


def ways_to_shorten(script: Script, shorten: str) -> Iterator[Rounds]:
    """Which rounds may be kept, from all but one of them to as few as can be.

    Args:
        script: before statements are added.
        shorten: `end`, `front`, or `either`: from the end as far as can be, then the front.
    """
    bounds = round_bounds(script)
    first, last = 0, len(bounds) - 1
    while shorten != "front" and _may_keep(script, bounds, first, last - 1):
        last -= 1
        yield first, last
    while shorten != "end" and _may_keep(script, bounds, first + 1, last):
        first += 1
        yield first, last


def _may_keep(script: Script, bounds: Sequence[int], first: int, last: int) -> bool:
    """Whether a script of these rounds is still one of its type."""
    if first >= last:
        return False
    left_out = (*script.utterances[: bounds[first]], *script.utterances[bounds[last] :])
    if any(one.cut or one.kind not in _ORDINARY for one in left_out):
        return False
    if not script.whose:
        return True
    whose = script.whose[first:last]
    visits = 1 + sum(one != other for one, other in pairwise(whose))
    return len(set(whose)) == len(script.source_ids) < visits  # all are there, one returns
