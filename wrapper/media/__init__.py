"""Media servers as handlers and sweeps see them; the only part of the wrapper that speaks to Kurento."""
