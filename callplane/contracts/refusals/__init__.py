"""Refusals: a constructor for each thing that a caller can be refused; nowhere else is one made.

Every ``detail`` is a sentence that says what was refused, and as a rule a second one with what to do about it.
"""
