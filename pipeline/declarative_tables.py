"""What the two languages of rule 7 share: the faults' names, and how tables are read."""

import re

QUESTION = "question form"
REQUEST = "a request"
TASK = "talk about the task"


def flat(table: str) -> str:
    """A pattern laid out over lines: indentation and lines of comment are no part of it."""
    lines = (line.lstrip() for line in table.strip("\n").splitlines())
    return "".join(line for line in lines if not line.startswith("#"))


def alternatives(table: str) -> re.Pattern[str]:
    """The compiled pattern of such a table."""
    return re.compile(flat(table))


def words(table: str) -> frozenset[str]:
    """The words of a list laid out over lines."""
    return frozenset(table.split())
