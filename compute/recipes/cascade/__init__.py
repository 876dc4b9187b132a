"""Pictures in stages: a small one out of text, then larger ones out of it; diffusion of pixels."""
