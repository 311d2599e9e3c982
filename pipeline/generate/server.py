"""Whom a recipe asks: checked, and with what is not said filled in."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..dialogue import OFFLINE, PENDING, SOURCE
from ..errors import RecipeError
from ..recipe import Recipe
from .api_key import load_api_key
from .request import normalised_url

OPENAI = "https://api.openai.com/v1"
URL_VARIABLE = "OPENAI_BASE_URL"
FAKE = "fake"


def with_server(recipe: Recipe) -> Recipe:
    """The recipe, with the server that it asks; what another writer needs is set aside.

    So one recipe may be rehearsed offline and with the fake engine before a server is paid.

    Raises:
        RecipeError: no model is named, a model's name cannot be, or the base URL is none.
    """
    if recipe.llm == "offline":
        return recipe
    if recipe.llm == "fake":
        return replace(recipe, model=recipe.model or FAKE, base_url="")
    if not recipe.model:
        raise RecipeError("--llm openai: name a --model of the server")
    for name in (recipe.model, recipe.model_strong):
        if name in {OFFLINE, SOURCE, PENDING, FAKE} or "+" in name:
            raise RecipeError(
                f"--model {name}: rows could not say who wrote them; have the server "
                "give it another name"
            )
    _check_fields(recipe.request)
    url = recipe.base_url or os.environ.get(URL_VARIABLE) or OPENAI
    return replace(recipe, base_url=normalised_url(url), fake_faults=0.0)


def _check_fields(fields: Mapping[str, Any]) -> None:
    """Raises a RecipeError for further fields of each request that cannot be sent, or be kept."""
    try:
        spelled = json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecipeError(f"request: it cannot be sent as JSON: {error}") from None
    for name in ("max_tokens", "max_completion_tokens"):
        if name in fields and type(fields[name]) is not int:
            raise RecipeError(f"request: {name} is {fields[name]!r}, and no whole number")
    try:
        key = load_api_key()
    except RecipeError:  # it is told where the key is needed
        return
    if key.mask(spelled) != spelled:
        raise RecipeError("request: holds the API key, which a manifest would then show")


def server_of(recipe: Recipe) -> str:
    """What stands for the server in a request: its base URL, or the fake engine's knobs."""
    if recipe.llm == "fake":
        return f"fake:seed={recipe.seed},faults={recipe.fake_faults:g}"
    return recipe.base_url
