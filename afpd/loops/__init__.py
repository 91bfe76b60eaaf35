"""The three loops: one file, one tick. Joined only by rows in the database, so each can die and restart alone."""
