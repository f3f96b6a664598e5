"""Logs as a pod has them: feeds that follow them, and readers that are given what comes (design 12)."""
