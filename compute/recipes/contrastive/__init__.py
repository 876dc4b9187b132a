"""A small CLIP: pictures and the words that describe them, side by side in one space."""
