"""LF-MRI: an unrolled reconstruction that takes extra care where a classifier sees lesions.

The objective is eq. 2 of Ju et al. (Medical Image Analysis 107, 2026, 103806):

``X* = argmin 1/2 |A X - Y|^2 + mu_1 |N(X)|^2 + mu_2 |H(X)|^2``

with a denoising regulariser N and a lesion-focused one H that learns from image-level labels alone. Each unrolled
stage is a denoiser D_w, a lesion module (the classifier Net_c and the network G_u), and data consistency (Fig. 1). How
N and H are written, and how the classifier's attention enters G_u, was not to hand: ``N(X) = X - D_w(X)`` and
``H(X) = sqrt(Omega) (X - G_u(X, C))`` are the forms of MoDL and of PASS, a relative by the same group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.lf_mri.classifier import Attention, Classifier, Evidence
from mrienhance.methods.lf_mri.config import Config
from mrienhance.methods.lf_mri.consistency import Consistency, Measurement, Term, inverse_softplus
from mrienhance.methods.lf_mri.denoisers import Denoiser
from mrienhance.physics.learnable import LearnableLines
from mrienhance.physics.sense import Sense

_BRIGHT = 0.999
_LOWEST = 12
"""Frequencies on either side whose phase is taken off; about what the centre of any scan holds."""
_ADMM_WEIGHT = 1.0
_INPUTS: Final[Mapping[str, Literal["none", "channel", "guide"]]] = {
    "concat": "channel",
    "masked": "none",
    "weighted": "none",
    "guided": "guide",
}


class Prediction(NamedTuple):
    """What the network gives, stage by stage.

    Attributes
    ----------
    images
        X^k, complex (B, H, W); the last one is the result.
    global_images
        The same without the lesion term.
    attention
        C^k, (B, H, W) in [0, 1], of the stages with a lesion term, which are the last ones.
    logits
        Of the classifier, (B, classes), of the same stages; empty without one.
    zero_filled
        A^H Y, complex (B, H, W).
    """

    images: tuple[Tensor, ...]
    global_images: tuple[Tensor, ...]
    attention: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]
    zero_filled: Tensor


class LFMRI(nn.Module):
    """The cascade; see the module's docstring.

    Parameters
    ----------
    config
        Its settings.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        first = config.stages - (config.lesion_stages or config.stages)
        self.with_lesion_term = [config.lesion_term and number >= first for number in range(config.stages)]
        terms = self.with_lesion_term[-1:] if config.share else self.with_lesion_term
        self.stages = nn.ModuleList(_Stage(config, lesion_term=each) for each in terms)
        if config.lesion_term and config.attention == "classifier":
            width, classes = config.classifier_width, len(config.classes)
            self.classifier = Classifier(
                config.classifier, width, classes, gate=config.cam_gate, pooling=config.pooling
            )
        self.pattern = _pattern(config) if config.learn_sampling else None

    def forward(
        self, *inputs: Tensor, what: Literal["reconstruct", "classify", "features"] = "reconstruct", **options: Any
    ) -> Any:
        """Call `reconstruct`, `classify` or `features`: all through here, where distributed training listens."""
        return getattr(self, what)(*inputs, **options)

    def reconstruct(
        self,
        kspace: Tensor,
        maps: Tensor,
        mask: Tensor,
        *,
        oracle: Tensor | None = None,
        full: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> Prediction:
        """Reconstruct slices.

        Parameters
        ----------
        kspace
            Complex (B, coil, H, W), shift-free, 0 where not sampled.
        maps
            Coil maps, complex (B, coil, H, W).
        mask
            1 where sampled, (B, H, W), or (B, 1, W), (B, H, 1) for lines.
        oracle
            The attention for ``attention="oracle"``, (B, H, W).
        full, noise
            K-space of a full scan, and uniform noise (lines,): with them a network that learns its sampling draws its
            own mask, in training.

        Raises
        ------
        ValueError
            If an oracle is needed and missing, or the learned pattern has another number of lines.
        """
        if self.pattern is not None and full is not None and noise is not None:
            mask = self.pattern.sample(noise).expand(len(full), 1, -1)
            kspace = full * mask.unsqueeze(1)
        zero_filled = Sense(maps, mask).adjoint(kspace)
        scale, phase = _brightness(zero_filled), self._phase(zero_filled)
        # The networks see images of brightness 1 and little phase, which the coil maps bear instead.
        measured = Measurement(
            Sense(maps * phase.unsqueeze(-3), mask),
            mask.to(maps.real.dtype),
            kspace / scale.unsqueeze(-1),
            zero_filled * phase.conj() / scale,
        )
        unit = scale * phase
        first: _Stage = self.stages[0]  # type: ignore[assignment]
        image = first.start(measured)
        images, global_images, attentions = [], [], []
        attend = partial(self.attend, oracle=oracle)
        for number, with_lesion_term in enumerate(self.with_lesion_term):
            stage = self.stages[number % len(self.stages)]
            image, global_image, attention = stage(measured, image, attend if with_lesion_term else None)
            images.append(image * unit)
            global_images.append(global_image * unit)
            attentions.append(attention)
        seen = [attention for attention in attentions if attention is not None]
        return Prediction(
            tuple(images),
            tuple(global_images),
            tuple(attention.map for attention in seen),
            tuple(attention.logits for attention in seen if attention.logits.numel()),
            zero_filled,
        )

    def _phase(self, zero_filled: Tensor) -> Tensor:
        """What the networks need not see of an image's phase: exp(i phase) of its lowest frequencies, (B, H, W)."""
        image = zero_filled.detach()
        if not self.config.remove_phase:
            return torch.ones_like(image)
        height, width = image.shape[-2:]
        window = _low_pass(height)[:, None] * _low_pass(width)
        smooth = torch.fft.ifft2(torch.fft.fft2(image) * window.to(image))
        return torch.where(smooth.abs() > 0, torch.sgn(smooth), 1)

    def classify(self, magnitude: Tensor) -> Evidence:
        """What speaks for a lesion in slices (B, H, W)."""
        return self.classifier.evidence(magnitude)

    def features(self, magnitude: Tensor) -> Tensor:
        """What the classifier makes of slices (B, H, W), before it decides."""
        return self.classifier.features(magnitude)

    def attend(self, image: Tensor, oracle: Tensor | None = None) -> Attention:
        """Where lesions may be in a complex image."""
        magnitude = image.abs()
        if self.config.attention == "classifier":
            found: Attention = self.classifier(magnitude.detach() if self.config.cam_detach else magnitude)
            return found._replace(map=found.map.detach()) if self.config.cam_detach else found
        none = magnitude.new_zeros(len(magnitude), 0)
        if self.config.attention == "ones":
            return Attention(torch.ones_like(magnitude), none)
        if self.config.attention == "random":
            generator = torch.Generator().manual_seed(0)
            return Attention(
                torch.rand(magnitude.shape[1:], generator=generator).to(magnitude).expand_as(magnitude), none
            )
        if oracle is None:
            raise ValueError("this network takes its attention from outside: give an oracle")
        return Attention(oracle.to(magnitude), none)


class _Stage(nn.Module):
    """D_w, LF (where there is a lesion term), DC."""

    def __init__(self, config: Config, *, lesion_term: bool) -> None:
        super().__init__()
        self.config = config
        self.denoiser = Denoiser(config.denoiser, config.width, norm=config.norm, levels=config.levels)
        self.consistency = Consistency(config)
        self.raw_denoising_weight = nn.Parameter(inverse_softplus(config.denoising_weight))
        if lesion_term:
            inputs = _INPUTS[config.lf_mode]
            self.lesion = Denoiser(
                config.denoiser, config.width, norm=config.norm, levels=config.levels, attention=inputs
            )
            self.raw_lesion_weight = nn.Parameter(inverse_softplus(config.lesion_weight))

    @property
    def denoising_weight(self) -> Tensor:
        """lambda_1."""
        return functional.softplus(self.raw_denoising_weight)

    @property
    def lesion_weight(self) -> Tensor:
        """lambda_2."""
        return functional.softplus(self.raw_lesion_weight)

    def start(self, measured: Measurement) -> Tensor:
        """The first image: regularised towards nothing."""
        nothing = torch.zeros_like(measured.zero_filled)
        return self.consistency(measured, [Term(self.denoising_weight, 1.0, nothing)], measured.zero_filled)  # type: ignore[no-any-return]

    def forward(
        self, measured: Measurement, image: Tensor, attend: Callable[[Tensor], Attention] | None
    ) -> tuple[Tensor, Tensor, Attention | None]:
        denoised = self.denoiser(image)
        smooth = Term(self.denoising_weight, 1.0, denoised)
        global_image = denoised
        if self.config.mid_dc or attend is None:
            global_image = self.consistency(measured, [smooth], denoised)
        if attend is None:
            return global_image, global_image, None
        attention = attend(global_image)
        if self.config.solver == "admm":
            return self._admm(measured, global_image, attention.map), global_image, attention
        focused = self._focus(global_image, attention.map)
        return self.consistency(measured, [smooth, focused], denoised), global_image, attention

    def _focus(self, image: Tensor, attention: Tensor) -> Term:
        """The lesion term, frozen at an image."""
        weight = self.lesion_weight
        if self.config.lf_mode == "masked":
            return Term(weight, attention.square(), attention * self.lesion(attention * image))
        if self.config.lf_mode == "weighted":
            spread = 1 + attention
            return Term(weight, spread, spread * self.lesion(image))
        return Term(weight, 1.0, self.lesion(image, attention))

    def _admm(self, measured: Measurement, image: Tensor, attention: Tensor) -> Tensor:
        """The same two terms with the lesion term split off (PASS's inner loop, rho = 1)."""
        rho = torch.tensor(_ADMM_WEIGHT).to(self.lesion_weight)
        split, dual = image, torch.zeros_like(image)
        for _ in range(self.config.admm_iterations):
            smooth = Term(self.denoising_weight, 1.0, self.denoiser(split))
            image = self.consistency(measured, [smooth, Term(rho, 1.0, split - dual / rho)], split)
            lesion = self._focus(split, attention)
            split = (lesion.weight * lesion.pull + rho * image + dual) / (lesion.weight * lesion.spread + rho)
            dual = dual + rho * (image - split)
        return image


def _pattern(config: Config) -> LearnableLines:
    return LearnableLines(
        config.lines,
        acceleration=config.acceleration,
        center_fraction=config.center_fraction,
        sharpness=config.sharpness,
    )


def _low_pass(count: int) -> Tensor:
    """A Hann window over the lowest frequencies of an axis, shift-free."""
    distance = torch.fft.fftfreq(count, 1 / count).abs() / _LOWEST
    return torch.where(distance < 1, torch.cos(torch.pi / 2 * distance).square(), 0)


def _brightness(image: Tensor) -> Tensor:
    """What is about 1 after division, (B, 1, 1); 1 for a slice of nothing. No gradient goes through it."""
    magnitude = image.detach().abs().flatten(1)
    bright = magnitude.kthvalue(max(1, round(_BRIGHT * magnitude.shape[1])), dim=1).values
    bright = torch.where(bright > 0, bright, magnitude.amax(1))
    return torch.where(bright > 0, bright, 1).view(-1, 1, 1)
