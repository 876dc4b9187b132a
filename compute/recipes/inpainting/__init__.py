"""Inpainting: Stable Diffusion taught to fill what is masked."""
