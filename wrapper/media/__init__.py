"""Media servers as the handlers see them; the only part of the wrapper that speaks to Kurento."""
