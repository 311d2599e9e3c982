"""What the card says in fixed words: formats, types, limits, citations."""

from collections.abc import Mapping, Sequence
from typing import Any

TITLES = {"tdm": "Duplex dialogues, time slices", "duo": "Duplex dialogues, state tokens"}

FORMAT_TEXTS = {
    "tdm": (
        "`output` alternates user and assistant slices; `<idle>` is silence. A pair of slices "
        "stands for about 2 seconds."
    ),
    "duo": (
        "`messages` are turns; a user content ends in `<1>` (to be answered, or a call for "
        "silence) or `<2>` (needs no answer)."
    ),
}

LANE_TEXTS = {
    "tdm": "A line is a pair of slices, spoken at the same time; of a long row those about the "
    "first cut or change are shown.",
    "duo": "A line is a user message and the assistant message after it, if there is one.",
}

TYPE_TEXTS = {
    "uninterrupted": "A source dialogue as it is.",
    "topic_interweaving": "Three to five dialogues, whole rounds of them in turn; nobody is cut.",
    "generation_termination": "The user speaks the next message over an answer, or asks for "
    "silence; the rest of the answer is never said.",
    "regeneration": "The user is not content with the running answer and says the message again; "
    "another answer follows.",
    "dialogue_reset": "Five dialogues; each of the first four is cut, and the user starts the "
    "next.",
    "back_on_topic": "The user asks something about what is just said; the assistant replies and "
    "comes back to its answer.",
}

LEFT_OUT_TEXTS = {
    "no_cuttable_answer": "no answer can be cut by a transition that fits",
    "group_not_filled": "too few dialogues were left for a group",
    "no_round_to_return_to": "every dialogue of its group has a single round",
    "removed_by_hand": "a person removed its script before it was rendered",
    "reply_refused": "no reply of the model to one of its asks could be used",
    "request_failed": "the model's server could not answer one of its asks",
    "too_long": "it does not fit the length budget, however shortened",
}

TRAINER_TEXTS = {
    "tdm": "The runtime of Duplex-UltraChat's model puts `<用户>` before each user slice and "
    "`<AI>` before each assistant slice, ends the latter in `</s>`, and tokenizes the history as "
    "one string: give your trainer a chat template that does the same. It drops pairs that are "
    "silent on both sides. Most targets are silence, so weigh `<idle>` down.",
    "duo": "DUO's runtime tokenizes piece by piece: `<1>` and `<2>` are no special tokens there, "
    "and pieces of them merge with what stands beside them in one joined string. Two user messages "
    "may follow each other (a remark is not answered): check that your chat template allows it. "
    "DUO's loss is on the state tokens and the assistant's text alone.",
}

_ALWAYS = (
    "This is text. Pauses, overlap, accents and recognition errors of real speech are not in it; "
    "a slice stands for 2 seconds whatever is said in it.",
    "The source's users typed. Their messages are longer and tidier than what people say, and "
    "end in punctuation, which a model may take for the sign that it is its turn.",
    "Where an answer is cut is drawn evenly; people cut in for a reason, where they choose.",
    "What the sources hold is here as it was: their errors, their opinions, and their share of "
    "text that models wrote.",
)
_OFFLINE = (
    "Text of origin `offline` comes from short lists of sentences, so the same openings return "
    "often: a model may learn them as the only signs of an interruption."
)
_STATEMENTS = (
    "Remarks that need no answer come from lists and do not belong to what was said before."
)
_ANSWERS = (
    "A `regeneration` row without a model says the source's whole answer after the part that was "
    "heard; the question of a `back_on_topic` row is only about the words just heard."
)


def limits(manifest: Mapping[str, Any]) -> list[str]:
    """What these rows cannot teach, or may teach wrongly."""
    counted, recipe = manifest["counts"], manifest["recipe"]
    found = list(_ALWAYS)
    offline = any("offline" in name for name in counted["generators"])
    if offline:
        found.append(_OFFLINE)
    if offline and any(counted["written"].get(one) for one in ("regeneration", "back_on_topic")):
        found.append(_ANSWERS)
    if recipe["statements"] and offline:
        found.append(_STATEMENTS)
    return found


def not_named(manifest: Mapping[str, Any]) -> list[str]:
    """Why a source row may be in no row without being named, a sentence or two each."""
    counted = manifest["counts"]
    planned, written = (sum(counted[name].values()) for name in ("planned", "written"))
    found = []
    if any(counted["not_sampled"].values()):
        found.append(
            f"These rows are a sample: {written:,} of the {planned:,} that were planned, those "
            "with the lowest hash of seed and id. The others are not named, so a source row may "
            "be in no row of a type, or in none at all, without a reason given."
        )
    recipe, drawn_by_chance = manifest["recipe"], counted["kept"] - counted["scripts"]
    if drawn_by_chance and not all(_draws_each(recipe, one) for one in _sources(recipe)):
        found.append(
            "No type takes every source row: one that chance drew for none is in no row, and is "
            "not named."
        )
    return found


def mixture(manifest: Mapping[str, Any]) -> list[str]:
    """What became of the weights and of the ordinary shares of a mixture's sources."""
    counted, sources = manifest["counts"], _sources(manifest["recipe"])
    found = []
    if any(one.get("weight", 1) < 1 for one in sources):
        found.append(
            "rows that chance did not draw from the sources with a weight below 1: "
            f"{counted['rejected'].get('not_drawn', 0):,}"
        )
    if any(one.get("ordinary", 0) > 0 for one in sources):
        found.append(
            "rows kept as ordinary chat, which are in no type but `uninterrupted` and have no "
            f"statements: {counted['ordinary']:,}"
        )
    return found


def _sources(recipe: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The sources with their options; of a run that is no mixture one without any."""
    return recipe.get("sources") or [{}]


def _draws_each(recipe: Mapping[str, Any], source: Mapping[str, Any]) -> bool:
    """Whether each dialogue of a source takes part in a type."""
    if source.get("per_dialogue", recipe["per_dialogue"]) == "one" or source.get("ordinary") == 1:
        return True
    return any(rate >= 1 for rate in recipe["rates"].values())


_PAPERS = (
    """@misc{zhang2024beyond,
  title={Beyond the Turn-Based Game: Enabling Real-Time Conversations with Duplex Models},
  author={Xinrong Zhang and Yingfa Chen and Shengding Hu and Xu Han and Zihang Xu and
    Yuanwei Xu and Weilin Zhao and Maosong Sun and Zhiyuan Liu},
  year={2024}, eprint={2406.15718}, archivePrefix={arXiv}
}""",
    """@misc{xu2024enabling,
  title={Enabling Real-Time Conversations with Minimal Training Costs},
  author={Wang Xu and Shuo Wang and Weilin Zhao and Xu Han and Yukun Yan and Yudi Zhang and
    Zhe Tao and Zhiyuan Liu and Wanxiang Che},
  year={2024}, eprint={2409.11727}, archivePrefix={arXiv}
}""",
)
_ULTRACHAT = """@misc{ding2023enhancing,
  title={Enhancing Chat Language Models by Scaling High-quality Instructional Conversations},
  author={Ning Ding and Yulin Chen and Bokai Xu and Yujia Qin and Zhi Zheng and Shengding Hu and
    Zhiyuan Liu and Maosong Sun and Bowen Zhou},
  year={2023}, eprint={2305.14233}, archivePrefix={arXiv}
}"""


def citations(manifest: Mapping[str, Any]) -> str:
    """The papers that the rows rest on, as BibTeX."""
    papers = _PAPERS if manifest["format"] == "duo" else _PAPERS[:1]
    chat = any("ultrachat" in one["source"].lower() for one in manifest["sources"])
    return "\n\n".join([*papers, *([_ULTRACHAT] if chat else [])])
