"""Statements: what a user says that needs no answer, spoken over an answer or after it.

DUO (section 2.3) trains on such text so that a model learns when not to reply. There
it stands in silence; its runtime looks at the state token while an answer runs, so
here a share is spoken over answers (the recipe's `over`).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from .chance import Chance
from .dialogue import Ask, Reply, Script, Utterance, is_cut
from .markers import defuse, undo
from .recipe import Recipe
from .slice.schedule import slice_message
from .slice.slicer import Slicer
from .statements import NAME_SLOT, Bank, joined

# A name that stands in the middle of a sentence, and so is no ordinary word with a capital.
_NAME = {
    "en": re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,13}(?=[ ,.;])(?! [A-Z])"),
    "zh": re.compile(r"(?<![A-Za-z`/._-])[A-Z][A-Za-z]{2,13}(?![A-Za-z`/._(-])"),
}


@dataclass(frozen=True, slots=True)
class Distraction:
    """What statements are added with.

    Attributes:
        banks: what there is to say, by language.
        reply: who writes.
        slicer: cuts texts, as the script will be.
        recipe: how many statements, and how many of them over an answer.
    """

    banks: Mapping[str, Bank]
    reply: Callable[[Ask], Reply]
    slicer: Slicer
    recipe: Recipe


def distract(script: Script, distraction: Distraction) -> Script:
    """The script with statements after its answers, and over some of them.

    After each answer that is heard whole come the whole part of `statements`, and one
    more with the probability of the rest; at most one of them over it, the others after.
    """
    recipe = distraction.recipe
    if not recipe.statements:
        return script
    chance = Chance(recipe.seed, script.keys)
    more = chance.of(f"statements/{script.type}/more")
    over = chance.of(f"statements/{script.type}/over")
    name = _name_in(script, recipe.markers)
    utterances: list[Utterance] = []
    said: list[str] = []
    ordinal = 0
    for number, utterance in enumerate(script.utterances):
        utterances.append(utterance)
        if utterance.role == "user" or is_cut(script.utterances, number):
            continue
        whole = int(recipe.statements)
        count = whole + (more.fraction(number) < recipe.statements - whole)
        for nth in range(count):
            statement = _statement(script, name, ordinal, said, distraction)
            if nth == 0 and over.fraction(number) < recipe.over:
                statement = _over(statement, utterance, script, ordinal, distraction)
            utterances.append(statement)
            ordinal += 1
    return replace(script, utterances=tuple(utterances))


def _statement(
    script: Script, name: str | None, ordinal: int, said: list[str], distraction: Distraction
) -> Utterance:
    """The next statement of a script, in silence; none is said twice while the bank lasts.

    Args:
        script: that it is added to.
        name: that a statement of the script may speak of.
        ordinal: its number among those of the script.
        said: the sentences that were said; its own are added.
        distraction: what statements are added with.
    """
    recipe, language = distraction.recipe, script.language
    draws = Chance(recipe.seed, script.keys).of(f"statements/{script.type}/text/{ordinal}")
    bank = distraction.banks[language]
    kind, template = bank.pick(draws, name, said)
    if name and not _stays_statement(template.replace(NAME_SLOT, name), language):
        kind, template = bank.pick(draws, None, said)  # the name makes something else of it
    said.append(template)
    first = template.replace(NAME_SLOT, name or "")
    values = {"statement": _longer(first, kind, ordinal, script, said, distraction)}
    reply = distraction.reply(Ask("statement", language, values))
    spoken = defuse(reply.text.strip(), recipe.markers)
    return Utterance("user", spoken, len(spoken), -1, "statement", "statement", reply.origin)


def _longer(
    first: str, kind: int, ordinal: int, script: Script, said: list[str], distraction: Distraction
) -> str:
    """A statement, and in a share of cases one or two more of its kind in the same breath.

    A list of short ones alone would teach that what is long is to be answered.
    """
    recipe, language = distraction.recipe, script.language
    chance = Chance(recipe.seed, script.keys)
    more = chance.of(f"statements/{script.type}/joined")
    if more.fraction(2 * ordinal) >= recipe.joined_statements:
        return first
    sentences = [first]
    for nth in range(1 + more.below(2, 2 * ordinal + 1)):
        draws = chance.of(f"statements/{script.type}/text/{ordinal}/{nth}")
        found = distraction.banks[language].more(draws, kind, (*said, *sentences))
        sentences += [found] if found else []
    text = joined(sentences, language)
    if len(sentences) == 1 or not _stays_statement(text, language):
        return first
    said += sentences[1:]
    return text


@lru_cache(maxsize=4096)  # of two sentences, the same come again
def _stays_statement(text: str, language: str) -> bool:
    from .declarative import fault  # its patterns take time to compile

    return fault(text, language) is None


def _over(
    statement: Utterance, answer: Utterance, script: Script, ordinal: int, distraction: Distraction
) -> Utterance:
    """The statement over the answer, where it fits; else in silence, as it came.

    It begins beside the second slice or later and ends before the last.
    """
    slicer, seed = distraction.slicer, distraction.recipe.seed
    ends = slicer.answer(answer.text).code_point_ends()
    pairs = len(slice_message(script, statement, ordinal, slicer, seed))
    places = len(ends) - 1 - pairs
    if places < 1:
        return statement
    draws = Chance(seed, script.keys).of(f"statements/{script.type}/place")
    spoken = int(ends[draws.below(places, ordinal)])
    return statement._replace(at=spoken)


def _name_in(script: Script, markers: tuple[str, ...]) -> str | None:
    """A name that the dialogue's answers keep to: what a remark can safely be about."""
    text = "\n".join(one.text for one in script.utterances if one.role == "assistant")
    names = Counter(_NAME[script.language].findall(undo(text, markers)))
    often = [name for name, count in names.most_common(1) if count > 1]
    return often[0] if often else None
