"""An asyncio client of the Kurento media server protocol."""
