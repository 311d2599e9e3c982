"""What worker processes have before they are forked.

Imported by the server that forks them (see `engine/server.py`), so that each need not import
the pipeline and load a tokenizer for itself.
"""

import gc
import json
import os
from contextlib import suppress

from .engine.server import WANTED


def _get_ready() -> None:
    # What is made here stays: no cycles are to be found in it, and a worker that looked for
    # some would get a copy of each page that it looked at.
    gc.disable()
    # What pyarrow imports at the first array, and what workers run.
    import numpy.ma  # noqa: F401
    import pyarrow.compute  # noqa: F401

    from . import block  # noqa: F401
    from .light_arrow import keep_pandas_out
    from .materials import load_materials
    from .recipe import Recipe
    from .slice.tokenizers import is_at_hand

    keep_pandas_out()
    usual = Recipe(format="")
    names = usual.tokenizer, usual.transitions, usual.statement_banks
    with suppress(Exception):  # it may be a guess; the worker that needs it will tell
        tokenizer, *others = json.loads(os.environ[WANTED]) or names
        # Nobody could stop a server that waits for the network.
        if is_at_hand(tokenizer):
            load_materials(tokenizer, *others)
    gc.freeze()


if WANTED in os.environ:
    _get_ready()
