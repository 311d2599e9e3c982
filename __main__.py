"""The `duplexdata` command, and `python -m duplexdata`.

Light to import: a worker process imports what the script of its command imports.
"""

import sys

from .pipeline.at_once import begin_workers_of
from .pipeline.startup import start_light


def main() -> None:
    """Runs the command that this process was started with."""
    start_light()
    begin_workers_of(sys.argv[1:])
    from .cli import app  # after that, for it takes a while

    app()


if __name__ == "__main__":
    main()
