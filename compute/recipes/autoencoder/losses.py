"""What the autoencoder and its discriminator are asked (arXiv 2012.09841, 2112.10752)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LARGEST_BALANCE = 1e4


def balance(reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    """The weight that gives both losses gradients of one length at the decoder's last layer."""
    (one,) = torch.autograd.grad(reconstruction, last_layer, retain_graph=True)
    (other,) = torch.autograd.grad(adversarial, last_layer, retain_graph=True)
    return (one.norm() / (other.norm() + 1e-4)).clamp(0.0, LARGEST_BALANCE).detach()


def hinge(real: Tensor, made: Tensor) -> Tensor:
    """The discriminator's loss: real patches above 1, made ones below -1."""
    return 0.5 * (functional.relu(1.0 - real).mean() + functional.relu(1.0 + made).mean())


def codebook_use(indices: Tensor, codes: int) -> tuple[float, float]:
    """The share of codes that occur, and the perplexity: as many codes would, used evenly, say as much."""
    counts = torch.bincount(indices.flatten(), minlength=codes).double()
    shares = counts / counts.sum()
    entropy = -(shares * shares.clamp_min(1e-12).log()).sum()
    return float((counts > 0).double().mean()), float(entropy.exp())
