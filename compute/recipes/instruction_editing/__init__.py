"""Instruction editing: Stable Diffusion taught to change a picture as it is told."""
