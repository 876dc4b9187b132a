"""The schedule of both stages, and what a learned variance costs (arXiv 2102.09672)."""

from __future__ import annotations

import math

from diffusers import DDPMScheduler
from torch import Tensor


def build_scheduler() -> DDPMScheduler:
    """Cosine, with a variance that the network chooses between its bounds; saved with the model."""
    return DDPMScheduler(
        beta_schedule="squaredcos_cap_v2",
        variance_type="learned_range",
        prediction_type="epsilon",
        clip_sample=True,
    )


def variational_bound(
    scheduler: DDPMScheduler, pictures: Tensor, noisy: Tensor, noise: Tensor, spread: Tensor, times: Tensor
) -> Tensor:
    """Bits that the step from `noisy` to a little less noise costs, by the answers `noise` and `spread` (-1..1).

    Only the spread learns from it: the noise has a loss of its own. The last step has no spread.
    """
    kept = scheduler.alphas_cumprod.to(times.device)
    later = times.clamp(min=1)  # what is not counted below must still be finite
    now, before = kept[later][:, None, None, None], kept[later - 1][:, None, None, None]
    beta = 1.0 - now / before
    least = ((1.0 - before) / (1.0 - now) * beta).clamp(min=1e-20)
    share = (spread + 1.0) / 2.0
    log_variance = share * beta.log() + (1.0 - share) * least.log()
    drawn = ((noisy - (1.0 - now).sqrt() * noise.detach()) / now.sqrt()).clamp(-1.0, 1.0)
    # Both means lie between picture and noisy picture, equally far along: what differs is the picture.
    apart = before.sqrt() * beta / (1.0 - now) * (pictures - drawn)
    excess = least.log() - log_variance
    bits = 0.5 * (excess.exp() - excess - 1.0 + apart.square() * (-log_variance).exp()) / math.log(2.0)
    return (bits.mean(dim=(1, 2, 3)) * (times > 0)).mean()
