"""The ICONet-style network, re-designed from the abstract of Kui et al., IEEE TCI 2025 (doi 10.1109/TCI.2025.3577340).

Known from the abstract: a reconstruction and a super-resolution branch of RSCFL blocks, an adaptive fusion of the two,
stages of x2, supervision at every stage. Everything else here is a design of our own; layer sizes, equations and
results of the paper were not to hand.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mrienhance.blocks.upsample import UpsampleByTwo
from mrienhance.methods.iconet.config import Config
from mrienhance.methods.iconet.fusion import fusion
from mrienhance.methods.iconet.rscfl import feature_blocks


class StageOutput(NamedTuple):
    """What one stage gives: images (B, 1, fH, fW) and (B, 1, H, W), features (B, C, fH, fW)."""

    image: Tensor
    reconstruction: Tensor | None
    features: Tensor


class Prediction(NamedTuple):
    """What the network gives.

    Attributes
    ----------
    image
        The super-resolved image (B, 1, sH, sW).
    stages
        Super-resolved image of every stage; the last one is `image`.
    reconstructions
        Artifact-free image of every stage at that stage's input size; empty without a Rec branch.
    """

    image: Tensor
    stages: tuple[Tensor, ...]
    reconstructions: tuple[Tensor, ...]


class Upscaler(nn.Module):
    """Features (B, C, H, W) to features (B, C, fH, fW) by sub-pixel convolutions of x2."""

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for _ in range(factor.bit_length() - 1):
            steps += [nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2)]
        self.steps = nn.Sequential(*steps)

    def forward(self, x: Tensor) -> Tensor:
        """Upscale the features ``x``."""
        upscaled: Tensor = self.steps(x)
        return upscaled


class RecBranch(nn.Module):
    """What the reconstruction branch adds to a stage: its own features, an artifact-free image, and the fusions."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        channels = config.channels
        self.head = nn.Conv2d(1, channels, 3, padding=1)
        self.body = nn.ModuleList(feature_blocks(config) for _ in range(config.groups))
        self.tail = _zero(nn.Conv2d(channels, 1, 3, padding=1))
        self.prior = nn.Conv2d(1, channels, 3, padding=1) if config.prior_image else None
        self.fusions = nn.ModuleList(fusion(config, last=k == config.groups - 1) for k in range(config.groups))


class Stage(nn.Module):
    """One stage: both branches side by side, fused after every group of blocks, then upscaling by `factor`.

    Parameters
    ----------
    config
        The model's hyper-parameters.
    factor
        Upscaling of this stage, a power of two.
    carries
        Whether features of a stage before come in.
    """

    def __init__(self, config: Config, *, factor: int, carries: bool) -> None:
        super().__init__()
        channels = config.channels
        self.head = nn.Conv2d(1, channels, 3, padding=1)
        self.carry = nn.Conv2d(channels, channels, 1) if carries else None
        self.body = nn.ModuleList(feature_blocks(config) for _ in range(config.groups))
        self.rec = RecBranch(config) if config.rec_branch else None
        self.upscaler = Upscaler(channels, factor)
        self.tail = _zero(nn.Conv2d(channels, 1, 3, padding=1))
        steps = factor.bit_length() - 1
        self.interpolate = nn.Sequential(*(UpsampleByTwo(config.interpolation) for _ in range(steps)))

    def forward(self, image: Tensor, features: Tensor | None, *, detach_rec: bool = False) -> StageOutput:
        """Run the stage on ``image`` (B, 1, H, W), with the features of the stage before, if any."""
        shallow = self.head(image)
        if self.carry is not None and features is not None:
            shallow = shallow + self.carry(features)
        deep, reconstruction = self._collaborate(shallow, image.detach() if detach_rec else image)
        upscaled = self.upscaler(deep + shallow)
        # The images stay in float32 under mixed precision: the network learns their small difference.
        return StageOutput(self.interpolate(image) + self.tail(upscaled).float(), reconstruction, upscaled)

    def _collaborate(self, sr: Tensor, image: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.rec is None:
            for blocks in self.body:
                sr = blocks(sr)
            return sr, None
        rec, reconstruction = self.rec.head(image), image
        for group, (sr_blocks, rec_blocks, fuse) in enumerate(
            zip(self.body, self.rec.body, self.rec.fusions, strict=True)
        ):
            sr, rec = sr_blocks(sr), rec_blocks(rec)
            if group == len(self.body) - 1:
                reconstruction = image + self.rec.tail(rec).float()
                rec = rec if self.rec.prior is None else rec + self.rec.prior(reconstruction)
            sr, rec = fuse(sr, rec)
        return sr, reconstruction


class ICONet(nn.Module):
    """ICONet-style super-resolution of one contrast (re-designed from the abstract).

    At initialisation the network is the fixed interpolation of its input, and each reconstruction is the input itself.

    Parameters
    ----------
    config
        Hyper-parameters.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.methods.iconet.config import Config
    >>> from mrienhance.methods.iconet.network import ICONet
    >>> network = ICONet(Config(scale=4, channels=8, groups=1, blocks_per_group=1))
    >>> network(torch.rand(1, 1, 9, 12)).image.shape
    torch.Size([1, 1, 36, 48])
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        factors = config.stage_factors
        self.stages = nn.ModuleList()
        for index, factor in enumerate(factors):
            if config.share_stages and index > 0:
                break
            carries = config.carry_features and len(factors) > 1 and (index > 0 or config.share_stages)
            self.stages.append(Stage(config, factor=factor, carries=carries))

    def forward(self, x: Tensor, *, detach_rec: bool = False) -> Prediction:
        """Super-resolve ``x`` (B, 1, H, W) of intensities around [0, 1].

        Parameters
        ----------
        x
            Coarse image; any height and width.
        detach_rec
            Whether later stages' Rec branches see the image before them without gradient (early in training).
        """
        images: list[Tensor] = []
        reconstructions: list[Tensor] = []
        features: Tensor | None = None
        for index in range(len(self.config.stage_factors)):
            stage = self.stages[0 if self.config.share_stages else index]
            x, reconstruction, features = stage(x, features, detach_rec=detach_rec and index > 0)
            images.append(x)
            if reconstruction is not None:
                reconstructions.append(reconstruction)
        return Prediction(x, tuple(images), tuple(reconstructions))


def _zero(convolution: nn.Conv2d) -> nn.Conv2d:
    """Zero-initialise a last layer, so that its branch starts as the identity."""
    nn.init.zeros_(convolution.weight)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


def macs_per_pixel(config: Config, *, size: int = 32) -> float:
    """Multiply-accumulates of the network per pixel of its *input*, counted on a ``size`` x ``size`` image."""
    from torch.utils.flop_counter import FlopCounterMode

    network = ICONet(config).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, size, size))
    operations: int = counter.get_total_flops()
    return operations / 2 / size**2
