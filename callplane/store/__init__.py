"""Store: every fact of a session, in MongoDB, by guarded partial updates (design 5). Nothing else imports pymongo."""
