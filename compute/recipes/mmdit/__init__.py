"""Text to image on latents: the transformer of Stable Diffusion 3 with rectified flow."""
