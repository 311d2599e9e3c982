"""`python -m duplexdata`."""

from .cli import main

main()
