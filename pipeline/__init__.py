"""The road from a source row to a training row; see CONTRIBUTING.md."""
