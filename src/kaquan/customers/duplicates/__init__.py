"""Finding people who are entered twice, and deciding about each pair."""
