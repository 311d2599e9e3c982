"""What can go wrong, as one tree.

    DuplexdataError
    ├── InputError          exit 2: the command or its input is wrong
    │   ├── RecipeError     a knob, a flag or the recipe file
    │   ├── SourceError     a source of dialogues
    │   ├── TokenizerError  a tokenizer that cannot be had
    │   ├── PromptError     a file of prompts or transitions
    │   ├── FolderError     a run's folder
    │   └── PublishError    what is to be published, or where
    ├── BuildError          exit 1: a build did not succeed; what was done is kept
    └── HubError            exit 1: the Hub, or the way to it; what was sent is kept

A message says what happened, where, and what to do, in one or two lines.
"""


class DuplexdataError(Exception):
    """The root: everything that a user is told without a traceback."""

    exit_code = 1


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


class BuildError(DuplexdataError):
    """A build stopped before its end, or its sums do not add up; what was done is kept."""


class HubError(DuplexdataError):
    """The Hub refused or failed, or could not be reached; what it has taken is kept."""
