"""What the rows of a block are made with, in a process that works on blocks of many runs."""

import pytest

from duplexdata.pipeline.block_work import fingerprints, scriptwriter_of
from duplexdata.pipeline.errors import BuildError
from duplexdata.pipeline.materials import material_facts
from duplexdata.pipeline.recipe import Recipe

RECIPE = Recipe("tdm")
EXPECTED = fingerprints(material_facts(RECIPE), {})


def test_slices_are_those_of_the_recipe_at_hand() -> None:
    """What was cut by another recipe is not taken for this one's; by the same it is kept."""
    text = "one two three four five six seven eight nine ten eleven twelve"
    for slice_tokens in (10, 4, 10):
        slicer = scriptwriter_of(Recipe("tdm", slice_tokens=slice_tokens), EXPECTED).slicer
        assert slicer.slice_tokens == slice_tokens
        assert len(slicer.answer(text)) == -(-12 // slice_tokens)
    again = Recipe("duo", slice_tokens=10, seed=1)
    assert scriptwriter_of(again, EXPECTED).slicer is slicer


@pytest.mark.parametrize("what", ["tokenizer", "transitions", "statement_banks"])
def test_materials_that_changed_while_the_run_goes_on_stop_it(what: str) -> None:
    """Blocks made with other words would stand in one folder, under a manifest that lies."""
    with pytest.raises(BuildError, match="changed while the run was going on"):
        scriptwriter_of(RECIPE, {**EXPECTED, what: {"en": "of another file"}})
