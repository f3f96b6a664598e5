"""Client without asyncio: made of ``callplane_client.aio`` by ``docs/make_blocking_client.py``."""
