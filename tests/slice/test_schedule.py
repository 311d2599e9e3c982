"""Scripts laid out in time (rule 3)."""

from collections.abc import Sequence

from duplexdata.pipeline.dialogue import Script, Utterance
from duplexdata.pipeline.slice.schedule import slice_script
from duplexdata.pipeline.slice.slicer import Slicer
from duplexdata.pipeline.slice.tokenizers import Tokenizer

LONG = " ".join(f"word{number}" for number in range(40))


def query(text: str = LONG, kind: str = "message") -> Utterance:
    """A user's query, heard whole."""
    return Utterance("user", text, len(text), -1, "query", kind, "source")


def answer(text: str = LONG) -> Utterance:
    """An answer, heard whole."""
    return Utterance("assistant", text, len(text), -1, None, "answer", "source")


def script(utterances: Sequence[Utterance]) -> Script:
    """A script of these utterances."""
    return Script("id", "uninterrupted", "en", ("s:1",), ("key",), tuple(utterances))


def test_answer_starts_beside_the_last_slice_of_its_query(tokenizer: Tokenizer) -> None:
    """A query of u slices from pair p on is answered from pair p+u-1 on."""
    sliced = slice_script(
        script([query(), answer(), query(), answer()]), Slicer(tokenizer, 10), 0, 0
    )
    first, second, third, fourth = sliced.starts
    assert first == 0
    assert second == first + sliced.heard[0] - 1
    assert third == second + sliced.heard[1]
    assert fourth == third + sliced.heard[2] - 1
    assert sliced.pairs == fourth + sliced.heard[3]


def test_query_of_one_slice_is_answered_at_once(tokenizer: Tokenizer) -> None:
    """With u = 1 query and answer share a pair."""
    sliced = slice_script(script([query("Why?"), answer()]), Slicer(tokenizer, 10), 0, 0)
    assert sliced.starts == (0, 0)


def test_cut_in_starts_in_the_pair_after_what_was_heard(tokenizer: Tokenizer) -> None:
    """Only the heard slices of a cut answer take time."""
    slicer = Slicer(tokenizer, 10)
    heard = slicer.answer(LONG).code_point_ends().tolist()[1]
    cut = answer()._replace(heard=heard)
    sliced = slice_script(script([query("Why?"), cut, query("Wait."), answer()]), slicer, 0, 0)
    assert sliced.heard[1] == 2
    assert sliced.starts[2] == 2


def test_an_added_utterance_moves_no_other_draw(tokenizer: Tokenizer) -> None:
    """Draws are keyed by kind and ordinal: another kind between two messages changes nothing."""
    slicer = Slicer(tokenizer, 10)
    plain = slice_script(script([query(), answer(), query(), answer()]), slicer, 0, 0)
    added = slice_script(
        script([query(), answer(), query(kind="interjection"), answer(), query(), answer()]),
        slicer,
        0,
        0,
    )
    assert plain.slices[2].ends.tolist() == added.slices[4].ends.tolist()
    assert plain.slices[0].ends.tolist() == added.slices[0].ends.tolist()


def test_messages_of_one_script_draw_apart(tokenizer: Tokenizer) -> None:
    """Two messages with the same text are not cut alike by construction."""
    slicer = Slicer(tokenizer, 10)
    sliced = slice_script(script([query(), answer()] * 6), slicer, 0, 0)
    assert len({tuple(one.ends.tolist()) for one in sliced.slices[0::2]}) > 1
