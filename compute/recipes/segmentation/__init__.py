"""Finding a named thing in a picture: a small CLIPSeg."""
