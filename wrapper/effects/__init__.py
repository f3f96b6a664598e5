"""Effects: what a committed change still owes, its event and its chores, and who carries that out."""
