"""Diffusion on the latents of an autoencoder, by class or by text."""
