"""Adapters of finished models: LoRA, DreamBooth and textual inversion."""
