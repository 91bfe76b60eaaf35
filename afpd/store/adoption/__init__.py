"""Taking over the database of the system that afpd replaces, in place, step by step, each of which may be repeated."""
