"""Every fact of a session, in MongoDB, by guarded partial updates (design 5). The only room that imports pymongo."""
