"""Text to image: an SD3-style transformer trained with rectified flow (arXiv 2403.03206)."""
