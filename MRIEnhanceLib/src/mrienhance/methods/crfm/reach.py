"""How far an input sample reaches in the local variants of CRFM."""

from __future__ import annotations

from mrienhance.blocks.interpolation import REACH
from mrienhance.methods.crfm.config import Config


def halo(config: Config) -> int | None:
    """Input samples around an output sample that can change it, at most; None if all can.

    Attention inside windows that are aligned to the grid lets a sample reach one window less a sample further, and
    channel attention with local pooling as far as its radius. Attention without windows, and global pooling, look at
    the whole volume. What counts in windows holds for tiles that start at multiples of the window.
    """
    pooled = config.block_attention or config.fusion != "none"
    if pooled and config.pooling == "global":
        return None
    if config.mutual_projection != "none" and not config.window:
        return None
    return max(REACH[config.interpolation], *(_along(config, factor) for factor in set(config.factors)))


def _along(config: Config, factor: int) -> int:
    """The reach along an axis with a factor: fine samples are counted in coarse ones, rounded up."""
    overlap = {1: 0, 2: 1, 3: 1, 4: 2}[factor] if config.upsampling == "transposed" else 0
    scaled = 1 if overlap else 0
    referenced = config.reference != "none"
    block = 2 + (config.pool_radius if config.block_attention else 0)
    fine = -(-2 // factor)  # differences and a convolution on the fine grid
    target, texture = 2, -(-(2 + overlap) // factor) if referenced else 0
    reached = max(fine if referenced else 0, 0)
    for number in range(1 + config.insertions - config.stages, config.insertions + 1):
        target = max(target, texture) + config.blocks * block
        if referenced:
            texture = max(texture, target if config.target_to_gradient else 0) + block
        if config.mutual_projection != "none" and number >= 1:
            found = _plug_in(config, factor, target=target, texture=texture, fine=fine, scaled=scaled)
            reached = max(reached, found)
            # Only what a further stage reads is refined.
            target = found + scaled + 1 if config.insertions > 1 and number < config.insertions else target
    direct = target + 1 if config.direct else 0
    reached = max(reached, target + scaled)
    by_channel, by_place = (config.pool_radius, -(-1 // factor)) if config.fusion != "none" else (0, 0)
    attention = by_channel + by_place if config.fusion == "sequential" else max(by_channel, by_place)
    return max(reached + attention + -(-2 // factor), direct)


def _plug_in(config: Config, factor: int, *, target: int, texture: int, fine: int, scaled: int) -> int:
    """The reach of the fine features that mutual projection gives."""
    reach = 0
    neighbours = 1 if config.value_k == 3 else 0
    if config.mutual_projection != "cross-scale":
        reach = max(target, texture) + config.window - 1 + scaled
    if config.mutual_projection != "in-scale":
        # A key describes a voxel and its neighbours: of the coarser map these are a factor to either side.
        copied = config.fmp_values == "reference"
        seen = max(target + 1, texture + 1, fine + neighbours) if copied else target + factor
        reach = max(reach, seen + config.window - 1 + neighbours)
    if config.mutual_projection == "mutual":
        reach += -(-2 // factor)
    return max(reach + scaled, target) + scaled
