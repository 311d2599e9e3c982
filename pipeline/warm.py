"""What worker processes have before they are forked.

Imported by the server that forks them (see `engine/local.py`), so that each need not import
the pipeline and load a tokenizer for itself. What the run names comes by the environment.
"""

import json
import os
from contextlib import suppress

from . import block  # noqa: F401  # what they run
from .errors import DuplexdataError
from .materials import load_materials
from .recipe import Recipe

VARIABLE = "DUPLEXDATA_WARM"
MODULE = __name__


def offer(recipe: Recipe) -> None:
    """Says in the environment what processes that are started from now on should load."""
    names = (recipe.tokenizer, dict(recipe.transitions), dict(recipe.statement_banks))
    os.environ[VARIABLE] = json.dumps(names)


if VARIABLE in os.environ:
    with suppress(DuplexdataError, ValueError):  # the worker that needs it will tell
        load_materials(*json.loads(os.environ[VARIABLE]))
