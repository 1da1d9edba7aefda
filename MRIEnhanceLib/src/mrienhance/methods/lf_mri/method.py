"""LF-MRI as the rest of the library sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.base import Method, Paper, Tiling
from mrienhance.methods.lf_mri.config import Config as LFMRIConfig
from mrienhance.methods.lf_mri.network import LFMRI, Prediction
from mrienhance.methods.lf_mri.objective import LFMRIObjective


class LFMRIMethod(Method):
    """Model-unrolled reconstruction with weakly supervised lesion enhancement, slice by slice."""

    name = "lf_mri"
    title = "LF-MRI"
    paper = Paper(
        citation=(
            "Ju, He, Wang, Li, Niu, Lian, Ma: Model-unrolled fast MRI with weakly supervised lesion enhancement. "
            "Medical Image Analysis 107, 103806, 2026"
        ),
        doi="10.1016/j.media.2025.103806",
        fidelity=(
            "LF-MRI-style: the objective, the stages and the class activation maps are the paper's; layers, losses and "
            "weights were not to hand and follow relatives by the same group, or are choices of this implementation"
        ),
    )
    tasks = ("reconstruct",)
    Config = LFMRIConfig

    def build(self, config: LFMRIConfig) -> LFMRI:
        """Make the network; untrained, it is a regularised SENSE reconstruction."""
        return LFMRI(config)

    def inherit(self, config: LFMRIConfig, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Let G_u start as a copy of D_w where the earlier network had none; it ignores the attention at first."""
        if any(".lesion." in name for name in weights):
            return weights
        copies = {name.replace(".denoiser.", ".lesion."): value for name, value in weights.items()}
        if config.lf_mode == "concat":
            for name in [name for name in copies if name.endswith(".lesion.head.0.0.weight")]:
                copies[name] = functional.pad(copies[name], (0, 0, 0, 0, 0, 1))
        return {**copies, **weights}

    def tiling(self, config: LFMRIConfig) -> Tiling:
        """Whole slices: every sample of k-space sees all of one."""
        return Tiling(ndim=2)

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Reconstruct slices.

        Parameters
        ----------
        module
            What `build` made.
        inputs
            ``"kspace"`` and ``"maps"``, complex (B, coil, H, W), shift-free; ``"mask"``, 1 where sampled, (B, H, W) or
            (B, 1, W), (B, H, 1); ``"oracle"`` (B, H, W), for networks that take their attention from outside.

        Returns
        -------
        dict
            Magnitude ``"image"`` and its ``"phase"`` in radians; ``"without-lesion-term"``, ``"zero-filled"``
            (magnitudes) and ``"attention"`` in [0, 1], each (B, 1, H, W); ``"scores"``, the classifier's probabilities
            (B, classes).
        """
        prediction: Prediction = module(inputs["kspace"], inputs["maps"], inputs["mask"], oracle=inputs.get("oracle"))
        image = prediction.images[-1]
        volumes = {"image": image.abs(), "phase": image.angle(), "zero-filled": prediction.zero_filled.abs()}
        if prediction.attention:
            volumes["without-lesion-term"] = prediction.global_images[-1].abs()
            volumes["attention"] = prediction.attention[-1]
        found = {name: volume.unsqueeze(1) for name, volume in volumes.items()}
        return found | ({"scores": prediction.logits[-1].sigmoid()} if prediction.logits else {})

    def objective(self, config: LFMRIConfig) -> LFMRIObjective:
        """Simulated scans with image-level labels of lesions."""
        return LFMRIObjective(config)

    def variants(self) -> dict[str, LFMRIConfig]:
        """The plain network and each ablation of the specification."""
        changes: dict[str, dict[str, Any]] = {
            "plain": {},
            "one-stage": {"stages": 1},
            "not-shared": {"share": False},
            "late-lesion-term": {"share": False, "lesion_stages": 1},
            "late-lesion-term-shared": {"lesion_stages": 1},
            "unet": {"denoiser": "unet"},
            "deep-unet": {"denoiser": "unet", "levels": 4},
            "batch-norm": {"norm": "batch"},
            "no-norm": {"norm": "none"},
            "no-lesion-term": {"lesion_term": False},
            "masked": {"lf_mode": "masked", "classifier_width": 8},
            "weighted": {"lf_mode": "weighted"},
            "guided": {"lf_mode": "guided", "classifier_width": 8},
            "attention-everywhere": {"attention": "ones"},
            "random-attention": {"attention": "random"},
            "oracle-attention": {"attention": "oracle"},
            "no-gate": {"cam_gate": False},
            "attached": {"cam_detach": False},
            "resnet18": {"classifier": "resnet18"},
            "log-sum-exp": {"pooling": "log-sum-exp", "simulated_lesions": 0.5, "place_loss": 1.0},
            "relative": {"relative_loss": True},
            "two-classes": {"classes": ("lesion", "oedema")},
            "gradient-step": {"dc": "gd"},
            "variable-splitting": {"dc": "vs"},
            "admm": {"solver": "admm", "admm_iterations": 2},
            "no-mid-dc": {"mid_dc": False},
            "learned-sampling": {"learn_sampling": True, "lines": 16, "acceleration": 2.0, "sharpness": 10.0},
            "more-losses": {"deep_supervision": True, "ssim_loss": 0.1, "perceptual_loss": 0.01},
        }
        small: dict[str, Any] = {"stages": 2, "width": 8, "classifier": "plain", "classifier_width": 4, "iterations": 4}
        return {name: LFMRIConfig(**{**small, **change}) for name, change in changes.items()}

    def example(self, config: LFMRIConfig, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """White noise in two coils, every second line sampled."""
        coils = torch.randn(batch, 2, *size, dtype=torch.complex64)
        maps = coils / coils.abs().square().sum(1, keepdim=True).sqrt()
        mask = (torch.arange(size[-1]) % 2 == 0).float().expand(batch, 1, -1)
        kspace = torch.randn(batch, 2, *size, dtype=torch.complex64) * mask.unsqueeze(1)
        return {"kspace": kspace, "maps": maps, "mask": mask, "oracle": torch.rand(batch, *size)}


METHOD = LFMRIMethod()
