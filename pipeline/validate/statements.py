"""Statements: what a user says that needs no answer (rules 3 and 7), whatever the format."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .mixture import looks_ordinary, some_ordinary
from .nouns import Said, Utterance, was_released
from .report import Verdict
from .settings import Settings
from .text import FEWEST_WORDS, MOST_WORDS, Cutter, Markers

KIND = "statement"


def check_statements(
    said: Sequence[Said],
    language: str,
    settings: Settings,
    cutter: Cutter,
    markers: Markers,
    verdict: Verdict,
) -> None:
    """Checks what statements say, and how many there are if a manifest tells how many.

    Where they stand is checked with the schedule of the format.

    Args:
        said: what is said in the row, in order.
        language: of the row.
        settings: what it was made with.
        cutter: cuts texts into slices and words.
        markers: what is undone before a text is judged.
        verdict: takes what is found; of a row with statements rule 7 comes into its scope.

    Of a row that was a row of duplexdata's before, the manifest does not tell how many.
    """
    for one in said:
        if one.utterance.kind == KIND:
            _check_declarative(one, language, markers, verdict)
    if settings.manifest is None:
        return
    recipe = settings.manifest["recipe"]
    if some_ordinary(recipe) and looks_ordinary(said):
        return
    if not settings.of_rows or _released(said):
        _check_numbers(said, recipe, language, cutter, verdict)


def _released(said: Sequence[Said]) -> bool:
    """Whether statements were added to the row by the recipe, though it was a script before."""
    return was_released([one.utterance for one in said])


def fewest_pairs(one: Said, language: str, cutter: Cutter) -> int:
    """The slices of a user's text, exactly in tdm; in duo at least, each of most words."""
    if one.slices is not None:
        return len(one.slices)
    return -(-_words_of(one, language, cutter) // MOST_WORDS)


def _check_declarative(one: Said, language: str, markers: Markers, verdict: Verdict) -> None:
    from ..declarative import fault  # only here, for its patterns take a while to be made

    if "rule 7" not in verdict.scope:
        verdict.scope = (*verdict.scope, "rule 7")
    faults = []
    for text in _readings(one, language):
        try:
            found = fault(markers.undone(text), language)
        except ValueError as error:
            verdict.leave("rule 7", str(error))
            return
        if found is None:
            return
        faults.append((text, found))
    text, found = faults[0]
    verdict.breach("rule 7", "a remark that needs no answer", f"{found}: {text!r}")


def _readings(one: Said, language: str) -> Iterator[str]:
    """What was said, as far as it is known: the white space between slices is in none of them."""
    if one.slices is None:
        yield one.planned
        return
    if language == "zh":
        text = ""
        for each in one.slices:
            parted = text[-1:].isascii() and text[-1:].isalnum() and each[:1].isascii()
            text += f" {each}" if parted and each[:1].isalnum() else each
        yield text
    yield " ".join(one.slices)


def _check_numbers(
    said: Sequence[Said],
    recipe: Mapping[str, Any],
    language: str,
    cutter: Cutter,
    verdict: Verdict,
) -> None:
    """How many statements follow each answer that is heard whole, and which lie over it."""
    rate, share = recipe.get("statements"), recipe.get("over")
    if rate == 0 and not any(one.utterance.kind == KIND for one in said):
        return
    for answer, statements in _by_answer(said):
        where = f"after the utterance that begins at {answer.utterance.start}"
        if isinstance(rate, (int, float)):
            allowed = (int(rate),) if rate == int(rate) else (int(rate), int(rate) + 1)
            some_given = was_released([one.utterance for one in statements])
            if len(statements) not in allowed and not (
                some_given and len(statements) > allowed[-1]
            ):
                wanted = " or ".join(map(str, allowed))
                verdict.breach("rule 3", f"{wanted} statements {where}", f"{len(statements)}")
        over = bool(statements) and statements[0].utterance.over
        if share == 0 and over:
            verdict.breach("rule 3", "no statement over an answer (recipe, over: 0)", where)
        if share == 1 and statements and not over:
            first = statements[0]
            slices = answer.utterance.slices or len(cutter.slices(answer.planned))
            if slices - 1 - _most_pairs(first, language, cutter) >= 1:
                verdict.breach(
                    "rule 3",
                    "a statement over each answer that it fits (recipe, over: 1)",
                    f"one in silence {where}, of {slices} slices",
                )


def _by_answer(said: Sequence[Said]) -> Iterator[tuple[Said, list[Said]]]:
    """Each assistant utterance that is heard whole, and the statements up to the next query."""
    answer: Said | None = None
    statements: list[Said] = []
    for one in said:
        if one.utterance.kind == KIND:
            statements.append(one)
            continue
        if answer is not None and not one.utterance.over:
            yield answer, statements
        whole = one.utterance.role == "assistant" and not one.utterance.unheard
        answer, statements = (one if whole else None), []
    if answer is not None:
        yield answer, statements


def _most_pairs(one: Said, language: str, cutter: Cutter) -> int:
    """The slices of a user's text, exactly in tdm; in duo at most, each of fewest words."""
    if one.slices is not None:
        return len(one.slices)
    return -(-_words_of(one, language, cutter) // FEWEST_WORDS)


def _words_of(one: Said, language: str, cutter: Cutter) -> int:
    """The words of a statement in duo, which holds it as one text."""
    words = cutter.words(one.planned, language) if language == "zh" else one.planned.split()
    return len(words)


def is_statement(one: Utterance) -> bool:
    """Whether nobody answers it."""
    return one.kind == KIND
