"""Transition sentences, shipped and a user's own."""

import re
from pathlib import Path

import pytest

from duplexdata.pipeline.errors import PromptError
from duplexdata.pipeline.generate.prompts import load_prompts
from duplexdata.pipeline.interrupt.transitions import load_transitions
from duplexdata.pipeline.statements import load_bank

NAME = "generation_termination"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shipped_transitions(language: str) -> None:
    """At least 11 in each language, of both kinds, an empty one among them, none twice."""
    kinds = load_transitions(language, None).kinds
    stops, interjections = kinds[NAME, "stop"], kinds[NAME, "interjection"]
    assert len(stops) >= 5
    assert len(interjections) >= 6
    assert len({*stops, *interjections}) == len(stops) + len(interjections) >= 11
    assert "" in interjections
    assert "" not in stops


@pytest.mark.parametrize("language", ["en", "zh"])
def test_shipped_transitions_end_as_speech_does(language: str) -> None:
    """What a message follows ends in a mark that says how it goes on; none holds a slot."""
    for (_type, kind), sentences in load_transitions(language, None).kinds.items():
        whole = kind == "stop" or kind.startswith("aside")
        for sentence in filter(None, sentences):
            filled = re.sub(r"\{\w+\}", "x.", sentence)
            # What is said by itself may also end as speech recognition writes it.
            ends_well = filled[-1] in ".,!?:—，。！？："
            assert ends_well or (whole and (filled[-1] == "…" or filled[-1].isalnum())), sentence
            assert not set("{}[]<>") & set(filled), sentence


def test_own_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    """A recipe may name a file of the user's own; its fingerprint is its content's."""
    file = tmp_path / "own.toml"
    file.write_text('[generation_termination]\nstop = [" Whoa. "]\n', encoding="utf-8")
    own = load_transitions("en", str(file))
    assert own.kinds[NAME, "stop"] == ("Whoa.",)
    assert own.kinds[NAME, "interjection"] == ()
    shipped = load_transitions("en", None).kinds
    assert {key: own.kinds[key] for key in shipped if key[0] != NAME} == {
        key: shipped[key] for key in shipped if key[0] != NAME
    }
    before = own.fingerprint
    file.write_text('[generation_termination]\nstop = ["Whoa!"]\n', encoding="utf-8")
    assert load_transitions("en", str(file)).fingerprint != before


@pytest.mark.parametrize(
    "content",
    [
        "not toml",
        "",
        "[generation_termination]\nstop = 'x'",
        "[generation_termination]\nstop = [1]",
        '[generation_termination]\nstop = [""]',
        '[generation_termination]\nstop = ["a\\nb"]',
        '[generation_termination]\nstop = ["a", "a "]',
        '[another]\nstop = ["a"]',
        '[regeneration]\nrestate = ["about {topic}"]',
        '[back_on_topic]\nbridge = ["So,"]',
    ],
)
def test_malformed_file_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    """A file that is no list of sentences is refused, with its path."""
    file = tmp_path / "own.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(PromptError, match=r"own\.toml"):
        load_transitions("en", str(file))


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that is not there is refused."""
    with pytest.raises(PromptError, match="nowhere"):
        load_transitions("en", str(tmp_path / "nowhere.toml"))


def test_files_of_some_editors(tmp_path: Path) -> None:
    """They put a mark before the first byte, and two at the end of a line."""
    named = {
        "transitions.toml": '[generation_termination]\nstop = ["Whoa."]\n',
        "statements.toml": '[views]\nplain = ["That is a long walk."]\n',
        "fuse.txt": "Say it.\nSay it well.\n",
        "again.toml": 'again = "No: {fault}"\n',
    }
    for name, text in named.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert load_transitions("en", str(tmp_path / "transitions.toml")).kinds[NAME, "stop"]
    bank = load_bank("en", str(tmp_path / "statements.toml"))
    assert bank.plain == (("That is a long walk.",),)
    own = load_prompts({"en": str(tmp_path)})["en"]
    assert own.instructions["fuse"] == "Say it.\nSay it well."
    assert own.again == "No: {fault}"
