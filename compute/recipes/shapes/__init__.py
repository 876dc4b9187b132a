"""Captioned pictures of coloured shapes: a data set made by formula, and its judge."""
