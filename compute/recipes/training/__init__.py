"""What every training program shares: the loop, its state, its processes, and the way from a file to a model."""
