"""What worker processes that validate rows have before they are forked; see `warm`.

It knows nothing of what makes rows, as `validate` does not.
"""

import gc
import json
import os
from contextlib import suppress

from .engine.server import WANTED


def _get_ready() -> None:
    gc.disable()  # what is made here stays
    import numpy.ma  # noqa: F401
    import pyarrow.compute  # noqa: F401

    from .light_arrow import keep_pandas_out
    from .slice.tokenizers import is_at_hand
    from .validate.parts import get_ready
    from .validate.settings import DEFAULT_TOKENIZER

    keep_pandas_out()
    with suppress(Exception):  # it may be a guess; the worker that needs it will tell
        tokenizer = json.loads(os.environ[WANTED])[0] or DEFAULT_TOKENIZER
        # Nobody could stop a server that waits for the network.
        get_ready(tokenizer if is_at_hand(tokenizer) else None)
    gc.freeze()


if WANTED in os.environ:
    _get_ready()
