"""What LF-MRI learns from: simulated scans, and one bit a slice that says whether there is a lesion.

``L = gamma_1 |X_glob - X|^2 + gamma_2 |X^K - X|^2 + gamma_3 |C (X^K - X)|^2 + gamma_4 CE`` with means over the complex
images. The paper's terms and weights were not to hand: the first three terms are PASS's, the fourth follows A2MC-MRI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.blocks.similarity import ssim
from mrienhance.methods.lf_mri.classifier import Evidence, grid
from mrienhance.methods.lf_mri.config import Config
from mrienhance.methods.lf_mri.measured import alike, measured_batch, windowed
from mrienhance.methods.lf_mri.network import LFMRI, Prediction
from mrienhance.methods.lf_mri.scans import UNKNOWN, Scan, training_batch, validation_batch
from mrienhance.methods.objective import COUNT, Batch, Loss, Objective, Sampling

_DEPTH = 0.8
_JOINT_RATE = 0.1
_LEAST = 1e-6
"""Of the zero-filled image's error, which errors are compared with: a full scan has none."""


class LFMRIObjective(Objective):
    """Trains the classifier first (phase A), then the cascade with the classifier at rest, then both (phase B).

    Parameters
    ----------
    config
        The model's hyper-parameters.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    label_maps = ("lesions",)
    baseline = "zero-filled"
    measured = True

    def groups(self, module: nn.Module) -> list[dict[str, Any]]:
        """The classifier learns at a rate of its own."""
        named = list(module.named_parameters())
        classifier = [each for name, each in named if name.startswith("classifier.")]
        cascade = [each for name, each in named if not name.startswith("classifier.")]
        return [{"params": cascade}] + ([{"params": classifier, "name": "classifier"}] if classifier else [])

    def rate(self, group: str, *, progress: float) -> float:
        """A tenth for the classifier when the cascade learns with it."""
        return _JOINT_RATE if group == "classifier" and progress >= self.config.classifier_fraction else 1.0

    def common(self, generator: torch.Generator) -> Batch:
        """Draw how this step scans, and what a network that learns its sampling draws its mask from."""
        scan = {"scan": Scan.draw(generator).as_tensor()}
        if self.config.learn_sampling:
            return scan | {"noise": torch.rand(self.config.lines, generator=generator)}
        return scan

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        """Simulate scans of whole slices, see `training_batch`, or take a measured one."""
        if "kspace" in images[0]:
            (slice_,) = images
            return measured_batch(slice_)
        scan, lesions = Scan.of(common["scan"]), self.config.simulated_lesions
        return training_batch(images, sampling, generator, scan=scan, simulated_lesions=lesions)

    def alike(self, parts: Sequence[Batch]) -> Sequence[Batch]:
        """Coils without signal where there are fewer than elsewhere in the step."""
        return alike(parts) if len(parts) > 1 else parts

    def counts(self, batch: Batch) -> Batch:
        """Count slices of which it is known whether there is a lesion, and places with and without one."""
        if not self._has_classifier:
            return {}
        known = {"known": (batch["label"] != UNKNOWN).sum().float()}
        if not self.config.place_loss:
            return known
        wanted = _wanted(batch["places"], grid(*batch["places"].shape[-2:]))
        return known | {f"places/{answer}": (wanted == answer).sum().float() for answer in (0, 1)}

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        """One loss for the one optimiser."""
        network = modules["network"]
        if self._has_classifier and progress < self.config.classifier_fraction:
            terms = self._classifier_alone(network, batch, degraded=2 * progress > self.config.classifier_fraction)
        else:
            rests = progress < self.config.classifier_fraction + self.config.frozen_fraction
            terms = self._cascade(network, batch, classifier_rests=rests)
        yield Loss(torch.stack(list(terms.values())).sum(), terms=terms)

    @property
    def _has_classifier(self) -> bool:
        return self.config.lesion_term and self.config.attention == "classifier"

    def _classifier_alone(self, network: nn.Module, batch: Batch, *, degraded: bool) -> dict[str, Tensor]:
        """Phase A: full scans, then also what is left of them after acceleration."""
        images, labels, places = batch["target"].abs(), batch["label"], batch["places"]
        if degraded:
            zero_filled = (batch["maps"].conj() * torch.fft.ifft2(batch["kspace"], norm="ortho")).sum(1)
            images, labels = torch.cat([images, zero_filled.abs()]), labels.repeat(2, 1)
        found: Evidence = network(images, what="classify")
        terms = {"classes": self._class_loss(found.logits, labels, batch)}
        if self.config.place_loss:
            terms["places"] = self.config.place_loss * _place_loss(found.places[: len(places)].amax(1), batch)
        return terms

    def _cascade(self, network: nn.Module, batch: Batch, *, classifier_rests: bool) -> dict[str, Tensor]:
        prediction: Prediction = network(
            batch["kspace"],
            batch["maps"],
            batch["mask"],
            oracle=batch["lesions"],
            full=batch["full"],
            noise=batch.get("noise"),
        )
        target, last = batch["target"], len(prediction.images) - 1
        unit = self._unit(prediction, target)
        terms, blind = {}, len(prediction.images) - len(prediction.attention)
        for stage, (image, coarse) in enumerate(zip(prediction.images, prediction.global_images, strict=True)):
            if stage < last and not self.config.deep_supervision:
                continue
            depth = _DEPTH ** (last - stage)
            terms[f"global/{stage}"] = depth * self.config.global_loss * (_energy(coarse - target) / unit).mean()
            terms[f"image/{stage}"] = depth * self.config.image_loss * (_energy(image - target) / unit).mean()
            if stage >= blind:
                # Detached: otherwise the network could make the error small by looking elsewhere.
                seen = prediction.attention[stage - blind].detach()
                terms[f"lesion/{stage}"] = (
                    depth * self.config.lesion_loss * (_energy(seen * (image - target)) / unit).mean()
                )
        if prediction.logits and not classifier_rests:
            losses = [self._class_loss(logits, batch["label"], batch) for logits in prediction.logits]
            terms["classes"] = self.config.class_loss * torch.stack(losses).mean()
        return terms | self._optional(network, prediction.images[-1].abs(), target.abs())

    def _unit(self, prediction: Prediction, target: Tensor) -> Tensor:
        """What errors are measured in, (B,)."""
        error = _energy(prediction.zero_filled.detach() - target)
        return error.clamp_min(_LEAST) if self.config.relative_loss else torch.ones_like(error)

    def _class_loss(self, logits: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy where the bit is known; it stands for all classes, since the data say no more.

        The slices of the batch may be there several times over.
        """
        known = (labels != UNKNOWN).float().expand_as(logits)
        wanted = labels.clamp_min(0).expand_as(logits)
        total = functional.binary_cross_entropy_with_logits(logits, wanted, weight=known, reduction="sum")
        return total / (batch[COUNT + "known"] * logits.shape[1] * (len(labels) // len(batch["label"])))

    def _optional(self, network: nn.Module, image: Tensor, target: Tensor) -> dict[str, Tensor]:
        terms = {}
        if self.config.ssim_loss:
            terms["ssim"] = self.config.ssim_loss * (1 - ssim(image[:, None], target[:, None]))
        if self.config.perceptual_loss:
            found, wanted = network(image, what="features"), network(target, what="features")
            terms["perceptual"] = self.config.perceptual_loss * functional.l1_loss(found, wanted.detach())
        return terms

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        """A whole slice scanned 4x, or a measured one with its mask; its zero-filled image as the baseline."""
        measured = "kspace" in image
        batch = measured_batch(image) | {"window": image["window"]} if measured else validation_batch(image)
        zero_filled = (batch["maps"].conj() * torch.fft.ifft2(batch["kspace"], norm="ortho")).sum(1).abs()
        zero_filled = windowed(zero_filled, batch)[:, None]
        target = windowed(batch["target"].abs(), batch)[:, None]
        return batch | {"image": zero_filled, "baseline": zero_filled, "target": target}

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        """The reconstructed magnitude."""
        assert isinstance(network, LFMRI)
        prediction: Prediction = network(batch["kspace"], batch["maps"], batch["mask"], oracle=batch["lesions"])
        return windowed(prediction.images[-1].abs(), batch)[:, None]

    def beside(self, modules: Mapping[str, nn.Module], batch: Batch) -> Batch:
        """Where the network looks for lesions, and where they are if somebody has drawn them."""
        network = modules["network"]
        found: Prediction = network(batch["kspace"], batch["maps"], batch["mask"], oracle=batch["lesions"])
        maps = {"attention": found.attention[-1]} if found.attention else {}
        maps |= {"lesions": batch["lesions"]} if bool((batch["lesions"] > 0).any()) else {}
        return {name: windowed(image, batch)[:, None] for name, image in maps.items()}


def _place_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of logits (B, h, w) with where lesions are; they weigh like all the rest together."""
    wanted = _wanted(batch["places"], (logits.shape[-2], logits.shape[-1]))
    each = functional.binary_cross_entropy_with_logits(logits, wanted.clamp_min(0), reduction="none")
    halves = [(each * (wanted == answer)).sum() / batch[f"{COUNT}places/{answer}"] for answer in (0, 1)]
    return torch.stack(halves).mean()


def _wanted(places: Tensor, size: tuple[int, int]) -> Tensor:
    """Where lesions are (B, H, W), as coarsely as a classifier says it (B, h, w)."""
    return functional.adaptive_max_pool2d(places[:, None], size)[:, 0]


def _energy(difference: Tensor) -> Tensor:
    """Mean square of each image (B, H, W): (B,)."""
    return torch.view_as_real(difference).square().sum(-1).mean((-2, -1))
