"""Calls as the command line makes them: people in seats, checks of a deployment, load."""
