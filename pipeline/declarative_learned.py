"""The learned half of rule 7, for Chinese: a weight for each feature of a text, added up.

The weights are whole numbers in `prompts/zh/statement_weights.tsv`, written by
`benchmarks/statement_weights.py` from sentences that are in the repository. A sum above
nought speaks against a statement. In English the written rules alone did better.
"""

from functools import cache
from importlib.resources import files

from .. import prompts
from .declarative_features import features

LANGUAGES = ("zh",)
SCALE = 50  # what a weight of 1 is in the table
# The sum above which a text that the rules let pass is refused, and the one above which
# their refusal stands: the rules are overruled by clear evidence only.
_REFUSES_ABOVE = SCALE // 4
_UPHOLDS_ABOVE = -SCALE // 2
# The weight that every text has.
BIAS = "bias"


def is_unlike(text: str, language: str, reason: str | None) -> bool:
    """Whether the sentences it learned from speak against a text as a statement.

    Args:
        text: the text, without question marks.
        language: one of `LANGUAGES`.
        reason: what the rules say of it: None, or why they refuse it.
    """
    weights = _weights(language)
    total = weights[BIAS]
    for feature in features(text, reason):
        total += weights.get(feature, 0)
    return total > (_REFUSES_ABOVE if reason is None else _UPHOLDS_ABOVE)


@cache
def _weights(language: str) -> dict[str, int]:
    """The table of a language: its features, and their weights times `SCALE`."""
    table = files(prompts) / language / "statement_weights.tsv"
    rows = (line.rpartition("\t") for line in table.read_text("utf-8").splitlines())
    return {feature: int(weight) for feature, _, weight in rows}
