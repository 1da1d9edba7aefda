"""FGDL as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.methods.base import Contrasts, Method, Paper, Tiling
from mrienhance.methods.fgdl.config import Config as FGDLConfig
from mrienhance.methods.fgdl.network import SynthesisNetwork
from mrienhance.methods.fgdl.objective import FGDLObjective


class FGDLMethod(Method):
    """One contrast from another by a Restormer U-Net, learned from pairs that need not be aligned."""

    name = "fgdl"
    title = "FGDL"
    paper = Paper(
        citation=(
            "Feng, Deng, Lyu, Cai, Wei, Qin: Bridging MRI Cross-Modality Synthesis and Multi-Contrast Super-Resolution "
            "by Fine-Grained Difference Learning. IEEE Transactions on Medical Imaging, 2024"
        ),
        doi="10.1109/TMI.2024.3445969",
        fidelity=(
            "stage 1 (synthesis) alone, after the abstract and the authors' public code; the paper's body and results "
            "were not to hand; edges stand for the perceptual loss where one is wanted"
        ),
    )
    tasks = ("synthesize",)
    Config = FGDLConfig

    def build(self, config: FGDLConfig) -> SynthesisNetwork:
        """Make the network."""
        return SynthesisNetwork(config)

    def tiling(self, config: FGDLConfig) -> Tiling:
        """Whole slices: attention between channels looks at all pixels."""
        return Tiling(ndim=2)

    def contrasts(self, config: FGDLConfig) -> Contrasts:
        """One source, one target."""
        return Contrasts((config.source,), (config.target,))

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Synthesize from ``inputs["image"]`` (B, 1, H, W); the result is there under its contrast's name, too."""
        assert isinstance(module, SynthesisNetwork)
        synthetic = _synthetic(module, inputs["image"])
        return {"image": synthetic, module.target: synthetic}

    def synthesize(self, module: nn.Module, image: Tensor, *, source: str, targets: Sequence[str]) -> dict[str, Tensor]:
        """Make the one target that there is, without values below 0.

        Raises
        ------
        ValueError
            If another source or target than the model's is asked for.
        """
        assert isinstance(module, SynthesisNetwork)
        if source != module.source or set(targets) - {module.target}:
            asked, known = f"{source} to {', '.join(targets)}", f"{module.source} to {module.target}"
            raise ValueError(f"FGDL: the model goes from {known}, not from {asked}")
        return {target: _synthetic(module, image) for target in targets}

    def objective(self, config: FGDLConfig) -> FGDLObjective:
        """L1 and MS-SSIM with the moved label, smoothness, and the adversarial terms."""
        return FGDLObjective(config)

    def variants(self) -> dict[str, FGDLConfig]:
        """The plain network, its non-adversarial twin, both without label correction, and the further term."""
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "non-adversarial": {"adversarial": False},
            "no-correction": {"label_correction": False},
            "least-error": {"adversarial": False, "label_correction": False, "ssim_weight": 0.0},
            "misaligned": {"misalignment": "high"},
            "edges": {"adversarial": False, "edge_weight": 0.8, "blocks": 2},
        }
        small: dict[str, Any] = {"width": 8, "blocks": 1, "correction_width": 4, "critic_width": 4, "critic_every": 1}
        return {name: FGDLConfig(**{**small, **change}) for name, change in changes.items()}

    def example(self, config: FGDLConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Uniform noise of `size` (H, W)."""
        return {"image": torch.rand(batch, 1, *size)}


def _synthetic(module: nn.Module, image: Tensor) -> Tensor:
    found: Tensor = module(image)
    return found.clamp_min(0)


METHOD = FGDLMethod()
