"""Client on asyncio; ``callplane_client.blocking`` is made of it."""
