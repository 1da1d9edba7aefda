"""FGDL as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.methods.base import Contrasts, Method, Paper, ReferenceUse, Tiling
from mrienhance.methods.fgdl.branch import SuperResolutionNetwork
from mrienhance.methods.fgdl.config import Config as FGDLConfig
from mrienhance.methods.fgdl.network import SynthesisNetwork
from mrienhance.methods.fgdl.objective import FGDLObjective
from mrienhance.methods.fgdl.super_resolution import SuperResolutionObjective
from mrienhance.methods.objective import Objective

_INSIDE = "synthesis."


class FGDLMethod(Method):
    """One contrast from another by a Restormer U-Net, learned from pairs that need not be aligned (stage 1).

    With a scale above 1 that network is frozen, and a branch beside it makes a coarse scan of the other contrast finer
    with what it finds in its features (stage 2).
    """

    name = "fgdl"
    title = "FGDL"
    paper = Paper(
        citation=(
            "Feng, Deng, Lyu, Cai, Wei, Qin: Bridging MRI Cross-Modality Synthesis and Multi-Contrast Super-Resolution "
            "by Fine-Grained Difference Learning. IEEE Transactions on Medical Imaging, 2024"
        ),
        doi="10.1109/TMI.2024.3445969",
        fidelity=(
            "both stages after the abstract and the authors' public code; the paper's body and results were not to "
            "hand; edges stand for the perceptual loss where one is wanted; in super-resolution the result stays on "
            "the image instead of moving onto the reference"
        ),
    )
    tasks = ("synthesize", "super-resolve")
    Config = FGDLConfig

    def build(self, config: FGDLConfig) -> SynthesisNetwork | SuperResolutionNetwork:
        """Make the network of the stage that the scale says."""
        return SynthesisNetwork(config) if config.scale == 1 else SuperResolutionNetwork(config)

    def inherit(self, config: FGDLConfig, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Bring a synthesis network into stage 2, or out of it; levels of a branch that another scale shares stay."""
        stage_2 = any(name.startswith(_INSIDE) for name in weights)
        if config.scale > 1 and not stage_2:
            return {_INSIDE + name: value for name, value in weights.items()}
        if config.scale == 1 and stage_2:
            inside = {name: value for name, value in weights.items() if name.startswith(_INSIDE)}
            return {name.removeprefix(_INSIDE): value for name, value in inside.items()}
        return weights

    def task(self, config: FGDLConfig) -> str:
        """Synthesis, or super-resolution."""
        return self.tasks[0] if config.scale == 1 else self.tasks[1]

    def reference(self, config: FGDLConfig) -> ReferenceUse:
        """Super-resolution is impossible without a reference, by design."""
        return "none" if config.scale == 1 else "required"

    def tiling(self, config: FGDLConfig) -> Tiling:
        """Whole slices: attention between channels looks at all pixels."""
        return Tiling(ndim=2, scale=config.scale)

    def contrasts(self, config: FGDLConfig) -> Contrasts | None:
        """One source, one target, in stage 1."""
        return Contrasts((config.source,), (config.target,)) if config.scale == 1 else None

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Synthesize from ``inputs["image"]`` (B, 1, H, W); the result is there under its contrast's name, too.

        Or super-resolve it with the help of ``inputs["reference"]`` (B, 1, H x scale, W x scale); what is synthesized
        from the reference alone is there as ``"synthesis"``.
        """
        if isinstance(module, SuperResolutionNetwork):
            found = module(inputs["image"], inputs["reference"])
            return {"image": found.image, "synthesis": found.synthesis.clamp_min(0)}
        assert isinstance(module, SynthesisNetwork)
        synthetic = _synthetic(module, inputs["image"])
        return {"image": synthetic, module.target: synthetic}

    def synthesize(self, module: nn.Module, image: Tensor, *, source: str, targets: Sequence[str]) -> dict[str, Tensor]:
        """Make the one target that there is, without values below 0.

        Raises
        ------
        ValueError
            If another source or target than the model's is asked for, or the model super-resolves.
        """
        if not isinstance(module, SynthesisNetwork):
            raise ValueError("FGDL: a model of stage 2 super-resolves and does not synthesize")
        if source != module.source or set(targets) - {module.target}:
            asked, known = f"{source} to {', '.join(targets)}", f"{module.source} to {module.target}"
            raise ValueError(f"FGDL: the model goes from {known}, not from {asked}")
        return {target: _synthetic(module, image) for target in targets}

    def objective(self, config: FGDLConfig) -> Objective:
        """L1 and MS-SSIM with the label and the adversarial terms; what else there is differs between the stages."""
        return FGDLObjective(config) if config.scale == 1 else SuperResolutionObjective(config)

    def variants(self) -> dict[str, FGDLConfig]:
        """Both stages, their non-adversarial twins, each factor, and each ablation."""
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "non-adversarial": {"adversarial": False},
            "no-correction": {"label_correction": False},
            "least-error": {"adversarial": False, "label_correction": False, "ssim_weight": 0.0},
            "misaligned": {"misalignment": "high"},
            "edges": {"adversarial": False, "edge_weight": 0.8, "blocks": 2},
            "x2": {"scale": 2},
            "x4-non-adversarial": {"scale": 4, "adversarial": False, "fusion_blocks": 2},
            "x8": {"scale": 8, "adversarial": False, "modulated": False, "deformable": "none"},
            "x2-reference-moved": {
                **{"scale": 2, "adversarial": False, "moved": "reference", "interpolated": True},
                **{"misalignment": "low", "reference_shift": 1.5, "reference_rotation": 1.5},
            },
            "x4-fixed-attention": {
                "scale": 4,
                "adversarial": False,
                "deformable": "alignment",
                "difference_weight": 0.0,
            },
        }
        small: dict[str, Any] = {"width": 8, "blocks": 1, "correction_width": 4, "critic_width": 4, "critic_every": 1}
        branch: dict[str, Any] = {"fusion_blocks": 1, "growth": 4, "modulation": (4, 8, 8)}
        return {name: FGDLConfig(**{**small, **branch, **change}) for name, change in changes.items()}

    def example(self, config: FGDLConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Uniform noise of `size` (H, W), and in stage 2 a reference of `size` times the scale."""
        image = {"image": torch.rand(batch, 1, *size)}
        if config.scale == 1:
            return image
        return image | {"reference": torch.rand(batch, 1, *(config.scale * side for side in size))}


def _synthetic(module: nn.Module, image: Tensor) -> Tensor:
    found: Tensor = module(image)
    return found.clamp_min(0)


METHOD = FGDLMethod()
