"""SQL of the room: segments, members, scores, changes, and the copy for other engines."""
