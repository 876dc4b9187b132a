"""Autoencoders of pictures: KL-regularised, or with a codebook (VQGAN)."""
