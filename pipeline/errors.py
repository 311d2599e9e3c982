"""What can go wrong, as one tree.

    DuplexdataError
    ├── InputError          exit 2: the command or its input is wrong
    │   ├── RecipeError     a knob, a flag or the recipe file
    │   ├── SourceError     a source of dialogues
    │   ├── TokenizerError  a tokenizer that cannot be had
    │   ├── PromptError     a file of prompts or transitions
    │   ├── FolderError     a run's folder
    │   ├── PublishError    what is to be published, or where
    │   ├── StoreError      the store of replies
    │   └── RefusedError    a server refuses what is asked: its key, model or parameters
    ├── BuildError          exit 1: a build did not succeed; what was done is kept
    │   ├── NothingBuilt    no row can be made; to go on would not help
    │   └── AskingError     replies of a server could not be had or kept
    │       ├── ServerDown      it does not reply for too long
    │       ├── BudgetReached   as much was spent as may be
    │       └── RequestFailed   one request fails again and again, while others do not
    └── HubError            exit 1: the Hub, or the way to it; what was sent is kept

A message says what happened, where, and what to do, in one or two lines.
"""

import errno

_USED_UP = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


class DuplexdataError(Exception):
    """The root: everything that a user is told without a traceback."""

    exit_code = 1
    can_go_on = True
    """Of exit code 1: whether the same command may succeed later."""


class InputError(DuplexdataError):
    """The command or its input is wrong."""

    exit_code = 2


class RecipeError(InputError):
    """A knob has a value that it cannot have."""


class SourceError(InputError):
    """A source cannot be found or read, or holds no usable row."""


class TokenizerError(InputError):
    """A tokenizer cannot be found, read, or had without a network."""


class PromptError(InputError):
    """A file of prompts or transitions is missing or malformed."""


class FolderError(InputError):
    """A run's folder belongs to something else."""


class PublishError(InputError):
    """What is to be published, or where it is to go, cannot be so."""


class StoreError(InputError):
    """The store of replies, or a file of them, cannot be read or is damaged."""


class RefusedError(InputError):
    """A server refuses a request for good, in its own words; asking on would not help."""


class BuildError(DuplexdataError):
    """A build stopped before its end, or its sums do not add up; what was done is kept."""


class NothingBuilt(BuildError):  # noqa: N818  # says what is so, as those below do
    """No row can be made of these sources by this recipe; nothing was done that could be kept."""

    can_go_on = False


class HubError(DuplexdataError):
    """The Hub refused or failed, or could not be reached; what it has taken is kept."""


class AskingError(BuildError):
    """Replies of a server could not be had or kept; those that came are kept."""


class ServerDown(AskingError):  # noqa: N818  # says what is so, as its siblings do
    """A server did not reply for so long that the run ends."""


class BudgetReached(AskingError):  # noqa: N818
    """The requests or the money that a run may spend are spent."""


class RequestFailed(AskingError):  # noqa: N818
    """One request fails again and again, while others do not; the run goes on without it."""


def is_of_machine(error: Exception) -> bool:
    """Whether an error that is none of ours says that a machine has no more to give.

    So it may come anywhere, as where standard output goes to a full disk, and is no bug.
    """
    if isinstance(error, OSError):
        return error.errno in _USED_UP
    return isinstance(error, MemoryError) or "can't start new thread" in str(error)
