"""A CLIPSeg that is trained in seconds: it finds what is red, blue or green, in pictures of 16 by 16 pixels."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 255, 0)}
SIDE, PATCH = 16, 4


def red_blue_or_green(folder: Path) -> Path:
    """Write it as the stock class and processor do."""
    model, processor = _trained()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def halves(left: str, right: str, *, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """A picture with one colour on each side."""
    picture = Image.new("RGB", size, COLOURS[left])
    picture.paste(COLOURS[right], (size[0] // 2, 0, *size))
    return picture


@lru_cache
def _trained():
    import torch
    from transformers import (
        CLIPSegConfig,
        CLIPSegForImageSegmentation,
        CLIPSegProcessor,
        CLIPSegTextConfig,
        CLIPSegVisionConfig,
        ViTImageProcessor,
    )

    from compute.recipes.text_to_image.tokenizer import build_tokenizer

    tokenizer = build_tokenizer(COLOURS, merges=20, max_tokens=6)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    marks = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = CLIPSegTextConfig(vocab_size=len(tokenizer), max_position_embeddings=6, **small, **marks)
    vision = CLIPSegVisionConfig(image_size=SIDE, patch_size=PATCH, **small)
    config = CLIPSegConfig(
        text_config=text.to_dict(),
        vision_config=vision.to_dict(),
        projection_dim=16,
        extract_layers=[0],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _taught(CLIPSegForImageSegmentation(config), tokenizer)
    seeing = ViTImageProcessor(size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    return model.eval(), CLIPSegProcessor(seeing, tokenizer)


def _taught(model, tokenizer):
    """Patches of all colours, every name at once."""
    import torch
    from torch.nn import functional

    from compute.recipes.segmentation.program import begin_from_nothing

    begin_from_nothing(model)
    names = list(COLOURS)
    tokens = tokenizer(names, padding=True, return_tensors="pt").input_ids
    paints = torch.from_numpy(np.array([*COLOURS.values(), (0, 0, 0)])) / 127.5 - 1
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _step in range(200):
        which = torch.randint(4, (8, SIDE // PATCH, SIDE // PATCH))
        which = which.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)
        pictures = paints[which].permute(0, 3, 1, 2).float()
        told = model.clip.get_text_features(input_ids=tokens).pooler_output.repeat_interleave(8, 0)
        seen = model.clip.vision_model(pixel_values=pictures.repeat(3, 1, 1, 1), output_hidden_states=True)
        logits = model.decoder([seen.hidden_states[1]], told).logits
        wanted = torch.cat([which == name for name in range(3)]).float()
        loss = functional.binary_cross_entropy_with_logits(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
