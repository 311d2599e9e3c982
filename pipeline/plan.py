"""What will be built of a block: every row to come, and what is left out and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .chance import Chance
from .dialogue import Dialogue, row_id
from .interrupt import TYPES
from .interrupt.interaction import NO_PLACE, Grouping, InteractionType
from .interrupt.uninterrupted import UNINTERRUPTED
from .load.block import AnyBlock, Block, ScriptBlock
from .recipe import Recipe
from .scriptwriter import Rounds, Scriptwriter, is_ordinary

NOT_FILLED = "group_not_filled"
TOO_LONG = "too_long"


class PlannedRow(NamedTuple):
    """A row to come: its id, type, and the numbers of its dialogues (or script) in the block.

    Attributes:
        rounds: of its script that are kept; None keeps all.
    """

    id: str
    type: str
    members: tuple[int, ...]
    rounds: Rounds | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A dialogue that was drawn for a type and is in no row of it: its number, and why."""

    member: int
    type: str
    reason: str


@dataclass(slots=True)
class Plan:
    """All rows to come of a block, and all dialogues that were drawn but are in no row.

    Attributes:
        drawn: how many dialogues were drawn, by type; each is in a row or left out.
        ordinary: how many dialogues stay ordinary chat.
    """

    rows: list[PlannedRow] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    drawn: dict[str, int] = field(default_factory=dict)
    ordinary: int = 0

    def add(
        self, one: InteractionType, block: Block, members: Sequence[int], writer: Scriptwriter
    ) -> None:
        """Plans a row of these dialogues, or leaves each out."""
        dialogues = [block.dialogues[member] for member in members]
        reason, rounds = one.missing(dialogues, writer.setting), None
        if not reason and not writer.fits(one.name, dialogues):
            rounds = writer.rounds_that_fit(one.name, dialogues)
            reason = None if rounds else TOO_LONG
        if reason:
            self.left_out += [LeftOut(member, one.name, reason) for member in members]
        else:
            keys = tuple(dialogue.key for dialogue in dialogues)
            self.rows.append(PlannedRow(row_id(one.name, keys), one.name, tuple(members), rounds))

    def without(self, rows: Sequence[tuple[PlannedRow, str]]) -> "Plan":
        """The plan without these rows, whose dialogues are left out for the reason given."""
        gone = {row.id for row, _ in rows}
        left_out = [LeftOut(member, row.type, why) for row, why in rows for member in row.members]
        return replace(
            self,
            rows=[row for row in self.rows if row.id not in gone],
            left_out=[*self.left_out, *left_out],
        )


def plan_any_block(block: AnyBlock, writer: Scriptwriter) -> Plan:
    """All rows to come of a block of either kind."""
    return plan_block(block, writer) if isinstance(block, Block) else plan_scripts(block, writer)


def plan_scripts(block: ScriptBlock, writer: Scriptwriter) -> Plan:
    """A row for each script: its type is the script's, whatever the rates.

    Args:
        block: the scripts.
        writer: settles and shortens them.
    """
    plan = Plan()
    for member, given in enumerate(block.scripts):
        script = given.script
        plan.drawn[script.type] = plan.drawn.get(script.type, 0) + 1
        reason, rounds = None if writer.can_settle(given) else NO_PLACE, None
        if not reason and not writer.given_fits(given):
            rounds = writer.given_rounds_that_fit(given)
            reason = None if rounds else TOO_LONG
        if reason:
            plan.left_out.append(LeftOut(member, script.type, reason))
        else:
            plan.rows.append(PlannedRow(script.id, script.type, (member,), rounds))
    return plan


def plan_block(block: Block, writer: Scriptwriter) -> Plan:
    """Draws which dialogues take part in which type, and checks that each can.

    A group is formed of dialogues of one split and one language of the block. Where the
    recipe has a length budget, a row's script is written to see what of it fits.

    Args:
        block: the dialogues.
        writer: writes the scripts of the run.
    """
    plan, recipe = Plan(), writer.recipe
    for one in TYPES.values():
        if not (recipe.sources or recipe.rates.get(one.name)):
            continue  # nobody takes part, for none of a mixture's dialogues is ordinary
        drawn = _drawn(block, one.name, recipe)
        if drawn:
            plan.drawn[one.name] = len(drawn)
        if one is UNINTERRUPTED and recipe.max_tokens is None:
            # Every dialogue can be said as it is, so none is looked at.
            ids = [row_id(one.name, (block.keys[member],)) for member in drawn]
            plan.rows += [
                PlannedRow(row, one.name, (member,)) for row, member in zip(ids, drawn, strict=True)
            ]
        elif one.grouping is None:
            for member in drawn:
                plan.add(one, block, [member], writer)
        else:
            for alike in _alike(block, drawn, one.name, recipe.seed):
                _plan_groups(plan, one, one.grouping, block, alike, writer)
    if recipe.sources:
        plan.ordinary = sum(is_ordinary(dialogue, recipe) for dialogue in block.dialogues)
    order = {name: number for number, name in enumerate(TYPES)}
    plan.rows.sort(key=lambda row: (row.members[0], order[row.type]))
    return plan


def _drawn(block: Block, type_name: str, recipe: Recipe) -> list[int]:
    """The dialogues that take part in a type."""
    if not recipe.sources and recipe.per_dialogue == "all" and recipe.rates[type_name] >= 1:
        return list(range(len(block)))
    return [
        member
        for member, dialogue in enumerate(block.dialogues)
        if takes_part(dialogue, type_name, recipe)
    ]


def takes_part(dialogue: Dialogue, type_name: str, recipe: Recipe) -> bool:
    """Whether a dialogue takes part in a type.

    With `per_dialogue = "all"` each type draws its share of the dialogues, as the
    paper's did; with `one` each dialogue takes part in one type, the rates being weights.
    One that stays ordinary chat is `uninterrupted` and nothing else.
    """
    if is_ordinary(dialogue, recipe):
        return type_name == UNINTERRUPTED.name
    rate = recipe.rates.get(type_name, 0.0)
    if rate <= 0:
        return False
    chance = Chance(recipe.seed, (dialogue.key,))
    if (recipe.options(dialogue.source).per_dialogue or recipe.per_dialogue) == "all":
        return rate >= 1 or chance.of(f"rate/{type_name}").fraction() < rate
    # In one order, whatever that of the recipe is.
    weights = [recipe.rates.get(name, 0.0) for name in TYPES]
    return list(TYPES)[_weighted(weights, chance.of("rate").fraction())] == type_name


def sample_rank(row: str, seed: int) -> int:
    """What `--samples` keeps the lowest of: 64 bits of a hash of (seed, row id)."""
    return Chance(seed, (row,)).of("sample").bits()


def _alike(block: Block, drawn: Sequence[int], type_name: str, seed: int) -> Iterator[list[int]]:
    """The drawn dialogues of each split and language, in an order by chance."""
    alike: dict[tuple[str, str], list[int]] = {}
    for member in drawn:
        dialogue = block.dialogues[member]
        alike.setdefault((dialogue.split, dialogue.language), []).append(member)
    for members in alike.values():
        yield sorted(
            members,
            key=lambda member: (
                Chance(seed, (block.dialogues[member].key,)).of(f"group/{type_name}").bits()
            ),
        )


def _plan_groups(
    plan: Plan,
    one: InteractionType,
    grouping: Grouping,
    block: Block,
    members: Sequence[int],
    writer: Scriptwriter,
) -> None:
    """Forms as many groups as there are dialogues for; who cannot lead stands last in one."""
    recipe = writer.recipe
    leaders: list[int] = []
    followers: list[int] = []
    for member in reversed(members):  # taken from the end
        leads = grouping.can_lead(block.dialogues[member], writer.setting)
        (leaders if leads else followers).append(member)
    while True:
        room = len(leaders) + min(1, len(followers))
        sizes = [size for size in grouping.sizes if size <= room]
        if not sizes:
            break
        chance = Chance(recipe.seed, (block.dialogues[leaders[-1]].key,))
        weights = [recipe.group_weights.get(str(size), 1.0) for size in sizes]
        size = sizes[_weighted(weights, chance.of(f"size/{one.name}").fraction())]
        group = [leaders.pop() for _ in range(size - 1)]
        group.append(followers.pop() if followers else leaders.pop())
        plan.add(one, block, group, writer)
    plan.left_out += [LeftOut(member, one.name, NOT_FILLED) for member in leaders + followers]


def _weighted(weights: Sequence[float], fraction: float) -> int:
    """The number of an option, as likely as its weight; the first if all weigh nothing."""
    ticket = fraction * sum(weights)
    for number, weight in enumerate(weights):
        ticket -= weight
        if ticket < 0:
            return number
    return 0
