"""Rules that decide, as pure functions: the same inputs give the same verdict for ever."""
