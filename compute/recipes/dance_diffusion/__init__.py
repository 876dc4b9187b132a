"""Sounds out of noise: diffusion of the waveform itself, in one dimension."""
