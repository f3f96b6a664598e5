"""Logs in MongoDB: ordered records under one key, appended by any process and read by any.

The coming second way for messages (an ordered log per session instead of a queue per seat). Nothing uses it yet.
"""
