"""What ICONet learns from: labels of both branches at every stage, made from one fine image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.similarity import ssim
from mrienhance.methods.iconet.config import Config
from mrienhance.methods.iconet.network import Prediction
from mrienhance.methods.objective import Batch, Loss, Objective, Sampling
from mrienhance.physics.degradation import KSpaceTruncation
from mrienhance.physics.sampling import random_lines


class Labels(NamedTuple):
    """The network's input (B, 1, h, w) and the label of each stage of each branch, all of whole slices."""

    image: Tensor
    stages: tuple[Tensor, ...]
    reconstructions: tuple[Tensor, ...]


class ICONetObjective(Objective):
    """``sum_t |S_t - HR_t| + alpha |R_t - Rec_t|`` (mean absolute values; lambda_t = 1).

    The paper's abstract says that every stage is supervised; the norm and the weights are choices. Towards the end
    squared errors may take the place of absolute ones (`Config.squared_fraction`): PSNR measures those.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    baseline = "sinc interpolation"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def labels(self, fine: Tensor, *, generator: torch.Generator | None = None) -> Labels:
        """Degrade whole slices ``fine`` (B, 1, H, W), H and W divisible by the scale, on their own device.

        Stage t's label is the fine slice truncated to stage t's band, and its reconstruction label is the band of the
        stage's input without ringing (``rec_target="tapered"``).
        """
        factors = self.config.stage_factors
        remaining = [self.config.scale]
        for factor in factors:
            remaining.append(remaining[-1] // factor)
        bands = [_truncate(fine, factor) for factor in remaining]
        taper: Literal["hann"] | None = "hann" if self.config.rec_target == "tapered" else None
        clean = [_truncate(fine, factor, taper=taper) for factor in remaining[:-1]] if taper else bands[:-1]
        image = bands[0]
        if self.config.acceleration > 1:
            image = self._undersample(image, generator)
        return Labels(image, tuple(bands[1:]), tuple(clean))

    def _undersample(self, image: Tensor, generator: torch.Generator | None) -> Tensor:
        """Sample a share of the k-space lines only, as T2Net's joint task does: coarse and aliased."""
        lines = random_lines(
            image.shape[-1],
            acceleration=self.config.acceleration,
            center_fraction=self.config.center_fraction,
            generator=generator,
        )
        aliased: Tensor = torch.fft.ifft(torch.fft.fft(image) * lines.to(image)).real
        return aliased

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Degrade whole slices (H, W), then cut patches where there is tissue; see `Objective.prepare`."""
        slices = [_augment(_single(image), self.config.scale, sampling, generator) for image in images]
        patches = [patch for fine in slices for patch in self._patches(fine, sampling, generator)]
        batch = {"image": torch.cat([patch.image for patch in patches])}
        for name in ("stages", "reconstructions"):
            for stage, parts in enumerate(zip(*(getattr(patch, name) for patch in patches), strict=True)):
                batch[f"{name}/{stage}"] = torch.cat(parts)
        return batch

    def _patches(self, fine: Tensor, sampling: Sampling, generator: torch.Generator) -> Iterator[Labels]:
        labels = self.labels(fine, generator=generator)
        height = labels.image.shape[-2]
        for _ in range(sampling.patches):
            rows = columns = sampling.patch
            top, left = _place(labels.image, rows, columns, generator)

            def cut(label: Tensor, place: tuple[int, int, int, int] = (top, left, rows, columns)) -> Tensor:
                finer = label.shape[-2] // height
                top, left, rows, columns = (finer * value for value in place)
                return label[..., top : top + rows, left : left + columns]

            yield Labels(cut(labels.image), tuple(map(cut, labels.stages)), tuple(map(cut, labels.reconstructions)))

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """One loss for the one optimiser; its terms are logged stage by stage."""
        prediction: Prediction = modules["network"](batch["image"], detach_rec=progress < self.config.detach_fraction)
        distance = _squared if progress >= 1 - self.config.squared_fraction else functional.l1_loss
        terms: dict[str, Tensor] = {}
        last = len(prediction.stages) - 1
        for stage, image in enumerate(prediction.stages):
            if self.config.stage_supervision or stage == last:
                terms[f"sr/{stage}"] = distance(image, batch[f"stages/{stage}"])
        for stage, image in enumerate(prediction.reconstructions):
            # Without supervision of every stage the Rec branch of the last one still needs its label.
            if self.config.stage_supervision or stage == last:
                label = distance(image, batch[f"reconstructions/{stage}"])
                terms[f"rec/{stage}"] = self.config.rec_weight * label
        terms.update(self._optional(prediction.image, batch[f"stages/{last}"]))
        yield Loss(torch.stack(list(terms.values())).sum(), terms=terms)

    def _optional(self, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        terms = {}
        if self.config.ssim_weight:
            terms["ssim"] = self.config.ssim_weight * (1 - ssim(image, target))
        if self.config.frequency_weight:
            difference = torch.fft.rfft2(image - target, norm="ortho")
            terms["frequency"] = self.config.frequency_weight * difference.abs().mean()
        return terms

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """A whole slice with its sinc interpolation as the baseline."""
        fine = _crop(_single(image), self.config.scale)
        coarse = self.labels(fine, generator=torch.Generator().manual_seed(0)).image
        baseline = _operator(fine, self.config.scale).zero_fill(coarse)
        return {"image": coarse, "target": fine, "baseline": baseline}

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The super-resolved whole slice."""
        prediction: Prediction = network(batch["image"])
        return prediction.image

    def beside(self, modules: Mapping[str, nn.Module], batch: Batch) -> Batch:
        """What the reconstruction branch makes of the input."""
        prediction: Prediction = modules["network"](batch["image"])
        return {"reconstruction branch": prediction.reconstructions[-1]} if prediction.reconstructions else {}


def _squared(image: Tensor, label: Tensor) -> Tensor:
    """Ten times the mean squared error: it pulls as hard as the mean absolute one where errors are a twentieth."""
    return 10 * functional.mse_loss(image, label)


def _operator(fine: Tensor, factor: int, taper: Literal["hann"] | None = None) -> KSpaceTruncation:
    height, width = fine.shape[-2:]
    return KSpaceTruncation((height, width), (factor, factor), taper=taper)


def _truncate(fine: Tensor, factor: int, *, taper: Literal["hann"] | None = None) -> Tensor:
    if factor == 1 and taper is None:
        return fine
    return _operator(fine, factor, taper).forward(fine)


def _single(image: Mapping[str, Tensor]) -> Tensor:
    """The one contrast of an image as (1, 1, H, W)."""
    (values,) = image.values()
    return values[None, None]


def _crop(fine: Tensor, multiple: int) -> Tensor:
    """Drop the last rows and columns until both sizes are multiples."""
    height, width = (size - size % multiple for size in fine.shape[-2:])
    return fine[..., :height, :width]


def _augment(fine: Tensor, scale: int, sampling: Sampling, generator: torch.Generator) -> Tensor:
    """Flip, transpose, roll and brighten a fine slice *before* it is degraded.

    Flipping a coarse image together with its fine one would move sample 0, to which the two are aligned.
    """
    flip_rows, flip_columns, transpose = (torch.rand(3, generator=generator) < 0.5).tolist()
    axes = [axis for axis, flip in ((-2, flip_rows), (-1, flip_columns)) if flip]
    fine = fine.flip(axes) if axes else fine
    fine = fine.transpose(-2, -1) if transpose else fine
    fine = _crop(fine, scale)
    # Slices that are too small for a patch lie in more background.
    height, width = (max(scale * sampling.patch - size, 0) for size in fine.shape[-2:])
    fine = functional.pad(fine, (0, width, 0, height))
    shift = torch.randint(scale, (2,), generator=generator).tolist()
    factor = 1 + sampling.intensity_jitter * (2 * float(torch.rand((), generator=generator)) - 1)
    return fine.roll(shift, (-2, -1)) * factor


def _place(image: Tensor, rows: int, columns: int, generator: torch.Generator, tries: int = 8) -> tuple[int, int]:
    """A random corner of a patch whose centre holds tissue, if one is found in a few tries."""
    height, width = image.shape[-2:]
    threshold = 0.05 * float(image.max())
    top = left = 0
    for _ in range(tries):
        top = int(torch.randint(height - rows + 1, (), generator=generator))
        left = int(torch.randint(width - columns + 1, (), generator=generator))
        if float(image[0, 0, top + rows // 2, left + columns // 2]) > threshold:
            break
    return top, left
