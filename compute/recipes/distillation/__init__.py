"""Teaches a student to draw in a few steps what its teacher draws in many: LADD and ADD."""
