"""The recipe: every knob of a run that its bytes depend on.

What a build may be told beside it is listed in `knobs.NOT_HASHED`, with the reason.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from .errors import RecipeError
from .markers import DEFAULT_MARKERS
from .recipe_file import faults_of, read_recipe, refuse


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """One source of a mixture; `knobs.SOURCE_KNOBS` describes each key.

    Attributes:
        layout: None is the recipe's; so of `language` and `per_dialogue`.
    """

    path: str
    layout: str | None = None
    limit: int | None = None
    language: str | None = None
    weight: float = 1.0
    ordinary: float = 0.0
    per_dialogue: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every knob of a run; `knobs.KNOBS` describes each.

    The names are those of the flags and of the keys in a TOML recipe.

    Attributes:
        source: of a mixture the paths of its sources.
        sources: the sources of a mixture, in order; empty if it is none.
    """

    format: str
    source: tuple[str, ...] = ("ultrachat",)
    sources: tuple[SourceOptions, ...] = ()
    layout: str | None = None
    limit: int | None = None
    samples: int = 0
    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    per_dialogue: str = "all"
    statements: float = 0.0
    over: float = 0.5
    joined_statements: float = 0.5
    statement_banks: Mapping[str, str] = field(default_factory=dict)
    max_tokens: int | None = None
    shorten: str = "end"
    duplicates: str = "reject"
    language: str = "auto"
    max_characters: int = 200_000
    tokenizer: str = "cl100k_base"
    slice_tokens: int = 10
    tail_idle: int = 1
    llm: str = "offline"
    model: str = ""
    model_strong: str = ""
    base_url: str = ""
    temperature: float | None = None
    max_reply_tokens: int = 2048
    request: Mapping[str, Any] = field(default_factory=dict)
    tries: int = 3
    on_failure: str = "offline"
    critic: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    fake_faults: float = 0.0
    stop_share: float = 0.2
    bare_share: float | None = None
    group_weights: Mapping[str, float] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)
    validation: float = 0.0
    markers: tuple[str, ...] = DEFAULT_MARKERS
    block_rows: int = 2048

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values, without the knobs that are not set."""
        unused = OF_A_MODEL if self.llm == "offline" else ()
        plain = {
            name: value
            for name, value in asdict(self).items()
            if value is not None and name not in unused
        }
        plain["source"], plain["markers"] = list(self.source), list(self.markers)
        plain["sources"] = [
            {name: value for name, value in asdict(one).items() if value is not None}
            for one in self.sources
        ]
        if not self.sources:
            del plain["sources"]
        plain["rates"] = dict(sorted(self.rates.items()))
        plain["transitions"] = dict(sorted(self.transitions.items()))
        plain["statement_banks"] = dict(sorted(self.statement_banks.items()))
        plain["group_weights"] = dict(sorted(self.group_weights.items()))
        return plain

    def options(self, number: int) -> SourceOptions:
        """What holds for a source, the so-manieth of `source` from 0."""
        return self.sources[number] if self.sources else SourceOptions(self.source[number])

    def digest(self) -> str:
        """A sha256 of the recipe."""
        return sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()


OF_A_MODEL = (
    *("model", "model_strong", "base_url", "temperature", "max_reply_tokens", "request"),
    *("tries", "on_failure", "critic", "prompts", "fake_faults"),
)
"""Knobs that say how a model is asked; no part of a recipe that asks none."""

DEFAULT_SAMPLES = {"tdm": 0, "duo": 10_000}
"""Rows kept where nothing else is said; DUO was trained on 10,000 (its section 3.1)."""

DEFAULT_STATEMENTS = {"tdm": 0.0, "duo": 0.5}
"""Statements an answer; DUO's state tokens need some that are not to be answered."""


def make_recipe(
    given: Mapping[str, Any], file: Path | None, default_rates: Mapping[str, float]
) -> Recipe:
    """A recipe from flags, a recipe file, and defaults, the first of these that has a value.

    Args:
        given: the flags that were given, by the name of their knob.
        file: a TOML recipe, or the manifest of a run.
        default_rates: of the types.

    Raises:
        RecipeError: the file cannot be read, or a value breaks schemas/recipe.json.
    """
    from_file = dict(read_recipe(file, default_rates)) if file else {}
    if "source" in given:
        from_file.pop("sources", None)
    values = {"rates": dict(default_rates), **from_file, **given}
    refuse(faults_of(values, default_rates), "the flags")
    if "format" not in values:
        raise RecipeError("no format: add --format tdm or --format duo")
    values.setdefault("samples", DEFAULT_SAMPLES[values["format"]])
    values.setdefault("statements", DEFAULT_STATEMENTS[values["format"]])
    if "sources" in values:
        values["sources"] = tuple(SourceOptions(**one) for one in values["sources"])
        values["source"] = [one.path for one in values["sources"]]
    for name in ("source", "markers"):
        if name in values:
            values[name] = tuple(values[name])
    return Recipe(**values)


def with_rates(recipe: Recipe, rates: Mapping[str, float]) -> Recipe:
    """The recipe with these rates; types of rate 0 are left out."""
    return replace(recipe, rates={name: rate for name, rate in rates.items() if rate > 0})
