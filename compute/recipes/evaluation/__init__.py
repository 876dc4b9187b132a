"""How good is a finished model? Measured the same way for all, and written on its card."""
