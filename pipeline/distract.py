"""Statements: what a user says that needs no answer, spoken over an answer or after it.

DUO (section 2.3) trains on such text so that a model learns when not to reply. There
it stands in silence; its runtime looks at the state token while an answer runs, so
here a share is spoken over answers (the recipe's `over`).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from .chance import Chance
from .dialogue import Ask, Script, Scripting, Utterance, is_cut
from .markers import defuse, undo
from .recipe import Recipe
from .settle import with_statements_in_time
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
        slicer: cuts texts, as the script will be.
        recipe: how many statements, and how many of them over an answer.
    """

    banks: Mapping[str, Bank]
    slicer: Slicer
    recipe: Recipe


def distract(script: Script, distraction: Distraction) -> Scripting:
    """The script with statements after its answers, and over some of them.

    After each answer that is heard whole come the whole part of `statements`, and one
    more with the probability of the rest; at most one of them over it, the others after.
    Those that a script of a source has already count, and come first.
    All statements of a script are asked for at once.
    """
    recipe = distraction.recipe
    if not recipe.statements:
        return script
    after = _places(script, recipe)
    if not after:
        return script
    values = {"statements": _statements(script, len(after), distraction), "after": after}
    reply = yield Ask("statement", script.language, values, history=script.utterances)
    over = Chance(recipe.seed, script.keys).of(f"statements/{script.type}/over")
    utterances: list[Utterance] = []
    behind = [number + _said_already(script, number) for number in after]
    ordinal = 0
    for number, utterance in enumerate(script.utterances):
        utterances.append(utterance)
        for nth in range(behind.count(number)):
            text = defuse(reply.texts[ordinal].strip(), recipe.markers)
            statement = Utterance(
                "user", text, len(text), -1, "statement", "statement", reply.origin
            )
            first = nth == 0 and utterance.role == "assistant"
            if first and over.fraction(number) < recipe.over:
                statement = _over(statement, utterance, script, ordinal, distraction)
            utterances.append(statement)
            ordinal += 1
    with_more = script._replace(utterances=tuple(utterances))
    if any(one.kind == "statement" for one in script.utterances):
        # How many come before a statement, and so its slices, is another number now.
        return with_statements_in_time(with_more, distraction.slicer, recipe.seed)
    return with_more


def _places(script: Script, recipe: Recipe) -> list[int]:
    """For each statement to come, the number of the answer that it follows."""
    more = Chance(recipe.seed, script.keys).of(f"statements/{script.type}/more")
    whole = int(recipe.statements)
    places = []
    for number, utterance in enumerate(script.utterances):
        if utterance.role == "assistant" and not is_cut(script.utterances, number):
            count = whole + (more.fraction(number) < recipe.statements - whole)
            places += [number] * (count - _said_already(script, number))
    return places


def _said_already(script: Script, number: int) -> int:
    """How many statements follow an answer before any is added."""
    following = islice(script.utterances, number + 1, None)
    return sum(1 for _ in takewhile(lambda one: one.kind == "statement", following))


def _statements(script: Script, count: int, distraction: Distraction) -> tuple[str, ...]:
    """So many statements of the bank; none is said twice in a script while the bank lasts."""
    chance = Chance(distraction.recipe.seed, script.keys)
    bank, language = distraction.banks[script.language], script.language
    name = _name_in(script, distraction.recipe.markers)
    said: list[str] = []
    statements = []
    for ordinal in range(count):
        draws = chance.of(f"statements/{script.type}/text/{ordinal}")
        kind, template = bank.pick(draws, name, said)
        if name and not _stays_statement(template.replace(NAME_SLOT, name), language):
            kind, template = bank.pick(draws, None, said)  # the name makes something else of it
        said.append(template)
        first = template.replace(NAME_SLOT, name or "")
        statements.append(_longer(first, kind, ordinal, script, said, distraction))
    return tuple(statements)


def _longer(
    first: str, kind: int, ordinal: int, script: Script, said: list[str], distraction: Distraction
) -> str:
    """A statement, and in a share of cases one or two more of its kind in the same breath.

    A list of short ones alone would teach that what is long is to be answered. The further
    sentences are added to `said`.
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
