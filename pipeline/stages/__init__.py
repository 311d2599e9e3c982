"""The steps of a build one by one, each on the folder of the one before.

    load ▶ dialogues ─ interrupt ▶ scripts ─ distract ▶ scripts ─ slice ▶ slices ─ export ▶ run

A stage's folder holds a Parquet file a block in `data/`, what was rejected, and
`stage.json`: the recipe, what was read, and what became of each block so far. Run one after
the other the stages give the bytes of `build`.
"""
