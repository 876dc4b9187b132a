"""Text-to-image as Stable Diffusion 1 does it: a CLIP-style encoder, a UNet with cross-attention."""
