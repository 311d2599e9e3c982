"""What worker processes have before they are forked.

Imported by the server that forks them (see `engine/server.py`), so that each need not import
the pipeline and load a tokenizer for itself.
"""

import json
import os
from contextlib import suppress

from . import block  # noqa: F401  # what they run
from .engine.server import WANTED
from .materials import load_materials

if WANTED in os.environ:
    with suppress(Exception):  # it may be a guess; the worker that needs it will tell
        load_materials(*json.loads(os.environ[WANTED]))
