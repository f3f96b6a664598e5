"""Logs in MongoDB: ordered records under one key, appended by any process and read by any.

The messages of sessions of the log engine are in them (design 12).
"""
