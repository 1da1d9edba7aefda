"""ICONet as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.methods.base import Method, Paper, Tiling
from mrienhance.methods.iconet.config import Config as ICONetConfig
from mrienhance.methods.iconet.network import ICONet
from mrienhance.methods.iconet.objective import ICONetObjective


class ICONetMethod(Method):
    """Iterative collaboration of a reconstruction and a super-resolution branch, slice by slice."""

    name = "iconet"
    title = "ICONet"
    paper = Paper(
        citation=(
            "Kui, Ji, Zou, Li, Dai, Chen, Vera, Ruan: Iterative Collaboration Network Guided by Reconstruction Prior "
            "for Medical Image Super-Resolution. IEEE Transactions on Computational Imaging, 2025"
        ),
        doi="10.1109/TCI.2025.3577340",
        fidelity="ICONet-style: re-designed from the abstract; the paper's layer sizes and losses were not to hand",
    )
    tasks = ("super-resolve",)
    Config = ICONetConfig

    def build(self, config: ICONetConfig) -> ICONet:
        """Make the network; at initialisation it interpolates."""
        return ICONet(config)

    def tiling(self, config: ICONetConfig) -> Tiling:
        """Whole slices: the channel attention and the fusion look at the statistics of all pixels."""
        local = config.block in ("spatial", "residual") and (not config.rec_branch or config.fusion == "concat")
        return Tiling(ndim=2, scale=config.scale, halo=_halo(config) if local else None)

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Super-resolve ``inputs["image"]`` (B, 1, H, W); the last stage's artifact-free image comes along."""
        prediction = module(inputs["image"])
        maps = {"reconstruction": prediction.reconstructions[-1]} if prediction.reconstructions else {}
        return {"image": prediction.image, **maps}

    def objective(self, config: ICONetConfig) -> ICONetObjective:
        """L1 on every stage of both branches."""
        return ICONetObjective(config)

    def variants(self) -> dict[str, ICONetConfig]:
        """The plain network, each factor, and each ablation of the specification."""
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "x4": {"scale": 4},
            "x8": {"scale": 8, "groups": 1},
            "no-rec-branch": {"rec_branch": False},
            "no-prior-image": {"prior_image": False},
            "no-fusion": {"fusion": "concat"},
            "one-way-fusion": {"fusion": "one-way"},
            "single-shot": {"scale": 4, "upscaling": "single-shot"},
            "last-stage-supervision": {"scale": 4, "stage_supervision": False},
            "shared-stages": {"scale": 4, "share_stages": True},
            "independent-stages": {"scale": 4, "carry_features": False, "detach_fraction": 0.5},
            "spatial-only": {"block": "spatial"},
            "spatial-only-local": {"block": "spatial", "fusion": "concat", "spatial_kernel": "square"},
            "channel-only": {"block": "channel"},
            "edsr": {"block": "residual", "rec_branch": False, "upscaling": "single-shot"},
            "linear-skip": {"interpolation": "linear"},
            "extra-losses": {"ssim_weight": 0.1, "frequency_weight": 0.05},
            "squared-errors": {"squared_fraction": 1.0},
            "masked-input": {"acceleration": 2, "rec_target": "unmasked"},
        }
        small: dict[str, Any] = {"channels": 8, "groups": 2, "blocks_per_group": 1, "heads": 2}
        return {name: ICONetConfig(**{**small, **change}) for name, change in changes.items()}

    def example(self, config: ICONetConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Uniform noise of `size` (H, W)."""
        return {"image": torch.rand(batch, 1, *size)}


def _halo(config: ICONetConfig) -> int:
    """Receptive radius in input pixels of the variants without global statistics."""
    block = {"spatial": {"strips": 1 + 10 + 1, "square": 1 + 2 + 9 + 1}[config.spatial_kernel], "residual": 2}
    blocks = config.groups * config.blocks_per_group * block[config.block]
    # Two heads, the prior's way through the image, the upscaler and the tail; interpolation reaches 8 input pixels.
    return max(blocks + 6, 8) * len(config.stage_factors) + 8


METHOD = ICONetMethod()
