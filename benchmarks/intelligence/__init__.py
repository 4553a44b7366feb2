"""The intelligence put to the test: on public data, on permuted data, and where truth is known."""
