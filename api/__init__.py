"""The API program: browsers in, browsers out. The only user of FastAPI."""
