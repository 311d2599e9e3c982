"""JSON Schemas (draft 2020-12) of the recipe, the manifest and the rows."""
