"""Pure shapes that travel: ids, commands, messages, errors. Nothing here opens a connection."""
