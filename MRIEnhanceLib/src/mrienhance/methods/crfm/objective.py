"""What CRFM learns from: blocks of fine volumes, their coarse versions, and a reference of another contrast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.interpolation import Interpolate
from mrienhance.blocks.similarity import ssim
from mrienhance.methods.crfm.config import Config
from mrienhance.methods.crfm.samples import training_samples
from mrienhance.methods.objective import COARSE, Batch, Loss, Objective, Sampling


class CRFMObjective(Objective):
    """Mean absolute error; optionally that of the gradients, and structural similarity slice by slice.

    The norm is a choice: the paper's was not to hand. Towards the end squared errors may take the place of absolute
    ones (`Config.squared_fraction`): PSNR measures those.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    ndim = 3

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.contrasts = config.contrasts
        self.baseline = f"{config.interpolation} interpolation"
        self.factors, self.degradation = config.factors, config.degradation
        self.interpolate = Interpolate(config.factors, kernel=config.interpolation, alignment=config.alignment)

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Choose targets and references among the blocks' contrasts; see `training_samples`."""
        return training_samples(images, self.config, sampling, generator)

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """One loss for the one optimiser."""
        config, target = self.config, batch["target"]
        coarse_alone = progress < config.coarse_fraction
        image: Tensor = modules["network"](batch["image"], batch.get("reference"), coarse_alone=coarse_alone)
        if progress >= 1 - config.squared_fraction:
            # Ten times: it pulls as hard as the mean absolute error where errors are a twentieth.
            terms = {"l2": 10 * functional.mse_loss(image, target)}
        else:
            terms = {"l1": functional.l1_loss(image, target)}
        if config.gradient_weight:
            difference = image - target
            steps = [difference.diff(dim=axis).abs().mean() for axis in (2, 3, 4)]
            terms["gradient"] = config.gradient_weight * torch.stack(steps).mean()
        if config.ssim_weight:
            slices = (volume.transpose(1, 2).flatten(0, 1) for volume in (image, target))
            terms["ssim"] = config.ssim_weight * (1 - ssim(*slices))
        yield Loss(torch.stack(list(terms.values())).sum(), terms=terms)

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """The last of the contrasts that are there with the first as its reference, if there are two.

        The baseline is the network's own interpolation.
        """
        names = [name for name in self.contrasts if name in image]
        coarse = image[names[-1] + COARSE][None, None]
        batch = {"image": coarse, "target": image[names[-1]][None, None], "baseline": self.interpolate(coarse)}
        if self.config.reference != "none" and len(names) > 1:
            batch["reference"] = image[names[0]][None, None]
        return batch

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The super-resolved block."""
        image: Tensor = network(batch["image"], batch.get("reference"))
        return image
