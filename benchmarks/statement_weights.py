"""Learn the weights of rule 7 and write `prompts/<language>/statement_weights.tsv`.

    python benchmarks/statement_weights.py

Needs scikit-learn (`duplexdata[probes]`). It learns from what is in the repository: the patterns of
`tests/labels/train_<language>.txt`, the labelled sets, and the shipped statements. What the
rules say is a feature too, but not in the first and second sets, on which they were written.
A pattern is a line with `{one|other}` choices, nested at will, and the names of lists that
`@NAME one|other` lines define; it stands below the label it has (`= request`).
"""

import csv
import random
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from duplexdata.pipeline.declarative import rules_say
from duplexdata.pipeline.declarative_features import features
from duplexdata.pipeline.declarative_learned import BIAS, LANGUAGES, SCALE
from duplexdata.pipeline.declarative_tables import QUESTION, REQUEST

ROOT = Path(__file__).resolve().parent.parent
LABELS = ROOT / "tests" / "labels"
A_PATTERN = 160  # sentences drawn from each pattern, of this weight
PATTERN_WEIGHT = 0.5
KEPT = 14_000  # features
NAMES = {"zh": ("里斯本", "莫扎特", "手机")}
BARE = {"zh": ("VZ", "NAME", "PERSON")}  # lists whose names stand without braces too

SETS = ("third", "dev", "own")
RULED_SETS = ("", "_second")

Row = tuple[str, bool, float]  # text, whether it is no statement, weight


def read_set(path: Path) -> list[tuple[str, bool]]:
    """The rows of a labelled table: text, whether it is no statement."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(row["text"].replace("\\n", "\n"), row["label"] != "statement") for row in rows]


def patterns(path: Path) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """The lists of a pattern file, and its patterns with their labels."""
    lists: dict[str, list[str]] = {}
    found: list[tuple[str, str]] = []
    label = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("@"):
            name, _, choices = line[1:].partition(" ")
            lists[name] = choices.split("|")
        elif line.startswith("= "):
            label = line[2:]
        elif line.strip():
            found.append((label, line))
    return lists, found


def draw(pattern: str, lists: dict[str, list[str]], rng: random.Random) -> str:
    """One sentence of a pattern."""
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] != "{":
            out += pattern[at]
            at += 1
            continue
        choices, start, depth = [], at + 1, 0
        for end in range(at + 1, len(pattern)):
            letter = pattern[end]
            if letter in "|}" and depth == 0:
                choices.append(pattern[start:end])
                start = end + 1
                if letter == "}":
                    break
            depth += (letter == "{") - (letter == "}")
        chosen = rng.choice(choices)
        out += draw(rng.choice(lists[chosen]) if chosen in lists else chosen, lists, rng)
        at = start
    return out


def drawn(language: str, seed: int = 0) -> list[Row]:
    """Sentences of all patterns."""
    lists, found = patterns(LABELS / f"train_{language}.txt")
    rng = random.Random(seed)  # noqa: S311 - sentences, no secrets
    rows: list[Row] = []
    for label, pattern in found:
        texts: set[str] = set()
        for _ in range(A_PATTERN * 2):
            text = re.sub(r"^[，,]\s*", "", draw(pattern, lists, rng).strip())
            for name in BARE.get(language, ()):
                text = text.replace(name, rng.choice(lists[name])) if name in text else text
            if rng.random() < (0.08 if label == "statement" else 0.4):
                text = text.rstrip(".。")
            texts.add(text)
            if len(texts) == A_PATTERN:
                break
        rows += [(text, label != "statement", PATTERN_WEIGHT) for text in sorted(texts)]
    return rows


def shipped(language: str) -> list[Row]:
    """The shipped statements."""
    bank = tomllib.loads((ROOT / "prompts" / language / "statements.toml").read_text("utf-8"))
    return [
        (text.replace("{topic}", name), False, 2.0)
        for kind in bank.values()
        for part in ("plain", "topic")
        for text in kind.get(part, ())
        for name in (NAMES[language] if "{topic}" in text else NAMES[language][:1])
    ]


def learn(language: str) -> dict[str, int]:
    """The weights of a language."""
    rows = drawn(language) + shipped(language)
    for name in SETS:
        rows += [(*row, 5.0) for row in read_set(LABELS / f"{language}_{name}.tsv")]
    ruled = [row for name in RULED_SETS for row in read_set(LABELS / f"{language}{name}.tsv")]
    rows += [(*row, 2.0) for row in ruled]
    seen, others, weights = [], [], []
    for at, (text, other, weight) in enumerate(rows):
        reason = rules_say(text, language)
        if reason in {None, QUESTION, REQUEST}:
            if at >= len(rows) - len(ruled):
                reason = None  # the rules know these by heart
            seen.append(dict.fromkeys(features(text, reason), 1))
            others.append(other)
            weights.append(weight)
    vectorizer = DictVectorizer(dtype=np.float64)
    counts = np.asarray([*(matrix := vectorizer.fit_transform(seen)).sum(axis=0)]).ravel()
    names = vectorizer.get_feature_names_out()
    kept = np.flatnonzero(counts >= 2)
    for _ in range(2):
        model = LogisticRegression(solver="liblinear", random_state=0)
        model.fit(matrix[:, kept], others, sample_weight=weights)
        weight_of = model.coef_[0]
        if len(kept) <= KEPT:
            break
        gain = np.abs(weight_of) * np.sqrt(np.minimum(counts[kept], 30))
        kept = np.sort(kept[np.argsort(-gain, kind="stable")[:KEPT]])
    table = {BIAS: round(SCALE * float(model.intercept_[0]))}
    table |= {
        str(names[at]): round(SCALE * float(w)) for at, w in zip(kept, weight_of, strict=True)
    }
    return {name: weight for name, weight in table.items() if weight or name == BIAS}


def main() -> None:
    """Learn and write the tables."""
    for language in LANGUAGES:
        table = learn(language)
        text = "".join(f"{name}\t{weight}\n" for name, weight in sorted(table.items()))
        (ROOT / "prompts" / language / "statement_weights.tsv").write_text(text, "utf-8")
        sys.stdout.write(f"{language}: {len(table)} features, {len(text.encode())} bytes\n")


if __name__ == "__main__":
    main()
