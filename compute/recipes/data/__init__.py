"""From a data set, on the hub or in a folder, to batches: looked up, permitted, left out, cached."""
