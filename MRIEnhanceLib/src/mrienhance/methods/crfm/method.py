"""CRFM as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.methods.base import Method, Paper, ReferenceUse, Tiling
from mrienhance.methods.crfm.config import Config as CRFMConfig
from mrienhance.methods.crfm.network import CRFM
from mrienhance.methods.crfm.objective import CRFMObjective
from mrienhance.methods.crfm.reach import halo


class CRFMMethod(Method):
    """Volumes with the gradients of a finer reference contrast, attention across scales and contrasts."""

    name = "crfm"
    title = "CRFM"
    paper = Paper(
        citation=(
            "Wang, Zhang, Chen, He, Jia, Du: Cross-Modality Reference and Feature Mutual-Projection for 3D Brain MRI "
            "Image Super-Resolution. Journal of Imaging Informatics in Medicine 37(6), 2838-2851, 2024"
        ),
        doi="10.1007/s10278-024-01139-1",
        fidelity=(
            "CRFM-style: re-designed from the abstract; the paper's method section, layer sizes, losses and results "
            "were not to hand"
        ),
    )
    tasks = ("super-resolve",)
    Config = CRFMConfig

    def build(self, config: CRFMConfig) -> CRFM:
        """Make the network; at initialisation it interpolates."""
        return CRFM(config)

    def tiling(self, config: CRFMConfig) -> Tiling:
        """Blocks; exact tiles where attention stays in windows and pools locally, else the whole volume."""
        reach = halo(config)
        windowed = reach is not None and config.mutual_projection != "none"
        scale = config.scale if config.axes == "3d" else config.factors
        return Tiling(ndim=3, scale=scale, multiple_of=config.window if windowed else 1, halo=reach)

    def reference(self, config: CRFMConfig) -> ReferenceUse:
        """Optional: without one the network is shown a volume without gradients."""
        return "none" if config.reference == "none" else "optional"

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Super-resolve ``inputs["image"]`` (B, 1, D, H, W) with ``inputs["reference"]`` on the fine grid, if any."""
        return {"image": module(inputs["image"], inputs.get("reference"))}

    def objective(self, config: CRFMConfig) -> CRFMObjective:
        """Mean absolute error, and what is added to it."""
        return CRFMObjective(config)

    def variants(self) -> dict[str, CRFMConfig]:
        """The specification's network, the CPU's, each factor, and each ablation."""
        local: dict[str, Any] = {
            "window": 4,
            "pooling": "local",
            "pool_radius": 1,
            "block_attention": False,
            "upsampling": "shuffle",
            "value_k": 1,
            "blocks": 1,
        }
        # Interpolation leaves the background of thick slices exactly as it is: there absolute errors have a kink.
        thick: dict[str, Any] = {
            **local,
            "axes": "through-plane",
            "degradation": "thick-slice",
            "squared_fraction": 1.0,
        }
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "local": local,
            "local-overlapping": {**local, "upsampling": "transposed", "value_k": 3, "block_attention": True},
            "x3": {**local, "scale": 3, "window": 6, "reference_dropout": 0.1, "misregistration": 1.0},
            "x4": {"scale": 4, "value_k": 1},
            "thick-x4": {**thick, "scale": 4},
            "thick-x3": {**thick, "scale": 3, "window": 3, "interpolation": "cubic"},
            "no-reference": {**local, "reference": "none", "contrasts": ("image",)},
            "intensity": {**local, "reference": "intensity", "degradation": "blur"},
            "vector": {**local, "reference": "vector", "operator": "sobel", "misrotation": 2.0},
            "one-way": {**local, "target_to_gradient": False, "stages": 2},
            "no-projection": {**local, "mutual_projection": "none"},
            "in-scale": {**local, "mutual_projection": "in-scale"},
            "cross-scale": {**local, "mutual_projection": "cross-scale"},
            "sum": {**local, "mutual_projection": "sum", "ssim_weight": 0.1, "gradient_weight": 0.1},
            "reference-values": {**local, "fmp_values": "reference", "squared_fraction": 1.0},
            "insertions": {**local, "stages": 2, "insertions": 2},
            "sequential": {**local, "fusion": "sequential"},
            "no-fusion": {**local, "fusion": "none"},
        }
        small: dict[str, Any] = {"channels": 8, "fine_channels": 4, "stages": 1, "blocks": 1}
        return {name: CRFMConfig(**{**small, **change}) for name, change in changes.items()}

    def example(self, config: CRFMConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Uniform noise of `size` (D, H, W), and on the fine grid."""
        example = {"image": torch.rand(batch, 1, *size)}
        if config.reference != "none":
            fine = (side * factor for side, factor in zip(size, config.factors, strict=True))
            example["reference"] = torch.rand(batch, 1, *fine)
        return example


METHOD = CRFMMethod()
"""The one instance."""
