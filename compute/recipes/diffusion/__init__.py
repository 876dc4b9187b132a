"""What recipes share that learn to take noise away from latents."""
