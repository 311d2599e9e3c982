"""What the learned half of rule 7 sees of a Chinese text: characters, and where they stand."""

import re

_QUOTES = re.compile(r"[“”\"「」]")
_LATIN = re.compile(r"[a-zA-Z]+")
_STOPS = re.compile(r"[，,。！!…；;：:—、\s.]+")
_ASPECT = re.compile(r"[了过着的]")
_PERSON = re.compile(r"[我你他她它您咱]")
_ASKING = ("谁", "什么", "怎么", "哪", "几", "多少", "为什么", "多久", "没有", "是不是")


def features(text: str, reason: str | None) -> set[str]:
    """The features of a Chinese text.

    Args:
        text: the text, without question marks.
        reason: what the rules say of it; a feature like the others.

    Returns:
        Names of features: `w` runs of characters; `F`, `L`, `O` the first, a later and the
        only clause, with `<` its beginning, `>` its end, `q` what it asks with, `n` its length.
    """
    text = re.sub(r"\d+", "0", _LATIN.sub("E", _QUOTES.sub("", text)))
    clauses = [clause for clause in _STOPS.split(text) if clause]
    found = {f"k{min(len(clauses), 4)}"}
    for at, clause in enumerate(clauses):
        place = "O" if len(clauses) == 1 else "L" if at else "F"
        bound = f"^{clause}$"
        for length in (1, 2, 3, 4):
            found |= {
                "w" + bound[start : start + length] for start in range(len(bound) - length + 1)
            }
        for length in range(1, min(len(clause), 3) + 1):
            found |= {f"{place}<{clause[:length]}", f"{place}>{clause[-length:]}"}
        size = min(len(clause), 10)
        first, last = clause[0], clause[-1]
        found |= {f"{place}n{size}", f"n{size}", f"s{first}_{last}", f"s{clause[:2]}_{last}"}
        if not _PERSON.search(clause):
            found.add(f"{place}nosubj")
        if _ASPECT.search(clause):
            found.add(f"{place}asp{first}")
        else:
            found |= {f"{place}noasp", f"{place}noasp{first}"}
        for asked in _ASKING:
            if asked in clause:
                found |= {f"q{asked}{first}", f"q{asked}{last}", f"{place}q{asked}"}
    if reason:
        found.add("R" + reason)
    return found
