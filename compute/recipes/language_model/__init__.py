"""A causal language model of the GPT-NeoX architecture."""
