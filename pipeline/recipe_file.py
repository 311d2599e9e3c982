"""A recipe in a file: TOML, or the manifest of a run; what is wrong in it, by line and key."""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from .errors import RecipeError

Key = tuple[str | int, ...]
"""Where a value stands: keys, and places in lists from 0."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a key of a recipe."""

    key: Key
    message: str


def read_recipe(file: Path, types: Collection[str]) -> Mapping[str, Any]:
    """The knobs that a file sets.

    Args:
        file: a TOML recipe, or a `manifest.json`, whose whole recipe is taken.
        types: the interaction types that there are.

    Raises:
        RecipeError: it cannot be read, or breaks schemas/recipe.json.
    """
    values, text = unchecked(file)
    if file.suffix == ".json":
        refuse(faults_of(values, types), f"{file}: recipe")
    else:
        refuse(faults_of(values, types), str(file), text)
    return values


def unchecked(file: Path) -> tuple[dict[str, Any], str]:
    """The knobs that a file sets, whatever their values are, and its text.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        text = file.read_text("utf-8-sig")  # some editors put a mark before the first byte
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {file}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} cannot be read as a recipe: {error}") from error
    if file.suffix == ".json":
        return _of_manifest(text, file), text
    try:
        return tomllib.loads(f"{text}\n"), text  # a fault in its last line has a line, too
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{file} is not a TOML recipe: {error}") from error


def _of_manifest(text: str, file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"{file} is no JSON: {error}") from error
    recipe = manifest.get("recipe") if isinstance(manifest, dict) else None
    if not isinstance(recipe, dict):
        raise RecipeError(f"{file} is no manifest of a run: it has no recipe")
    return recipe


def refuse(faults: Sequence[Fault], where: str, text: str | None = None) -> None:
    """Raises a RecipeError for the first fault, and names the places of the others.

    Args:
        faults: what is wrong.
        where: what holds the values, in words.
        text: of the TOML file, for the lines.
    """
    if not faults:
        return
    placed = [(_place(one.key, text), one.message) for one in faults]
    place, message = placed[0]
    more = [place for place, _ in placed[1:]]
    also = f"\nalso wrong: {'; '.join(more[:5])}" + ("; …" if len(more) > 5 else "") if more else ""
    raise RecipeError(f"{where}: {place}: {message}{also}")


def _place(key: Key, text: str | None) -> str:
    """A line and a key as `line 7: rates.regeneration`."""
    name = ""
    for part in key:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else str(part)
    line = line_of(key, text) if text else None
    return f"line {line}: {name or 'the recipe'}" if line else name or "the recipe"


def line_of(key: Key, text: str) -> int | None:
    """The line, from 1, on which the statement that sets a key begins; None if none does.

    The lines up to the end of a statement are TOML themselves: the first such beginning of
    the text that holds the key ends with the statement that sets it.
    """
    lines = text.splitlines(keepends=True)
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if _holds(values, key):
            return begin + 1
        begin = end
    return None


def _holds(values: Any, key: Key) -> bool:
    for part in key:
        if isinstance(part, int):
            if not isinstance(values, list) or part >= len(values):
                return False
        elif not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def faults_of(values: Mapping[str, Any], types: Collection[str]) -> list[Fault]:
    """Where values break schemas/recipe.json, in the order of their keys there.

    Args:
        values: the knobs that are set.
        types: the interaction types that there are.
    """
    import jsonschema

    from .. import schemas

    schema = json.loads((files(schemas) / "recipe.json").read_text("utf-8"))
    found = list(_infinite(values))
    # JSON Schema takes 10.0 for an integer; what counts by it does not.
    types_there_are = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    strict = jsonschema.validators.extend(
        jsonschema.Draft202012Validator, type_checker=types_there_are
    )
    for error in strict(schema).iter_errors(dict(values)):
        found += _in_words(error)
    rates = values.get("rates")
    for name in rates if isinstance(rates, Mapping) else ():
        if name not in types:
            found.append(Fault(("rates", name), f"no such type; the types are {', '.join(types)}"))
    found += _two_sources(values)
    order = list(values)
    return sorted(
        _one_a_key(found),
        key=lambda one: order.index(one.key[0]) if one.key else -1,  # type: ignore[arg-type]
    )


def _one_a_key(found: Sequence[Fault]) -> Iterator[Fault]:
    """All that is wrong at a key as one fault."""
    messages: dict[Key, list[str]] = {}
    for one in found:
        messages.setdefault(one.key, []).append(one.message)
    for key, said in messages.items():
        yield Fault(key, "; ".join(said))


def _in_words(error: Any) -> Iterator[Fault]:
    key = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = list(error.schema["properties"])
        for name in error.instance:
            if name not in known:
                like = get_close_matches(name, known, 1)
                hint = f"; did you mean {like[0]}?" if like else f"; there are {', '.join(known)}"
                yield Fault((*key, name), f"no such key{hint}")
        return
    yield Fault(key, _words_of(error))


def _words_of(error: Any) -> str:
    """What a fault is in words, where jsonschema tells it by the schema."""
    wanted, value = error.validator_value, error.instance
    if error.validator == "contains":
        return f"`{wanted['const']}` has to be among them"
    if error.validator == "not":
        words: str = wanted["description"]
        return words
    if error.validator == "type" and isinstance(value, float) and value.is_integer():
        return f"{value} is no whole number: write {value:.0f}"
    message: str = error.message
    return message


def _infinite(values: Any, key: Key = ()) -> Iterator[Fault]:
    """Numbers that JSON cannot hold."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from _infinite(value, (*key, name))
    elif isinstance(values, list):
        for place, value in enumerate(values):
            yield from _infinite(value, (*key, place))
    elif isinstance(values, float) and values - values != 0:
        yield Fault(key, f"the number {values} is not finite")


def _two_sources(values: Mapping[str, Any]) -> Iterator[Fault]:
    """`source` beside `sources`, unless it names the same, as in a manifest."""
    mixture, plain = values.get("sources"), values.get("source")
    if plain is None or not isinstance(mixture, list):
        return
    if plain != [one.get("path") if isinstance(one, Mapping) else None for one in mixture]:
        yield Fault(("source",), "there is `sources` too: name the sources in one of them")
