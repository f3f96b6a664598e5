"""What a committed change still owes: its event and its chores."""
