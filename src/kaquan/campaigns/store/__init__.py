"""SQL of the room, a file a table."""
