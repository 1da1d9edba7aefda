"""The network of CRFM, re-designed from the abstract of Wang et al., J Imaging Inform Med 2024.

From the abstract: gradients of a reference contrast give texture to the coarse features; a plug-in module of mutual
projection captures dependency across scales and similarity across contrasts; parallel attentions fuse all feature maps.
Its method section was not to hand: the backbone is residual channel attention, the plug-in after cross-scale non-local
attention (Mei et al., CVPR 2020), widths and depths are choices.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from mrienhance.blocks.interpolation import Interpolate
from mrienhance.blocks.mutual_projection import MutualProjection
from mrienhance.blocks.scaling import Coarsen, Refine, depth_to_space
from mrienhance.methods.crfm.config import Config
from mrienhance.methods.crfm.gradient import reference_features
from mrienhance.methods.crfm.layers import ChannelAttention, Fusion, ResidualBlock, conv

# Detail is a small part of an image: its features of about 1 are scaled down, and so are their rounding errors.
_DETAIL = 0.1


class Stage(nn.Module):
    """One stage of the backbone: texture goes to the target's features, and back if wanted.

    ``F' = F + RG(c[F, G])`` with M residual blocks RG; ``G' = G + RB(c[G, F'])``. Without a reference
    ``F' = F + RG(F)``.
    """

    def __init__(self, config: Config, *, last: bool) -> None:
        super().__init__()
        channels = config.channels
        block = partial(_residual_block, config)
        self.group = nn.Sequential(*(block() for _ in range(config.blocks)))
        self.transfer = self.gather = self.texture = None
        if config.reference != "none":
            self.transfer = conv(2 * channels, channels, 1)
            # The last features of the gradient are for the plug-in module alone.
            needed = config.mutual_projection in ("mutual", "sum", "in-scale") or config.fmp_values == "reference"
            if not last or (needed and config.mutual_projection != "none"):
                self.texture = block()
                if config.target_to_gradient:
                    self.gather = conv(2 * channels, channels, 1)

    def forward(self, target: Tensor, texture: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Map features (B, C, D, H, W) of the target and of the gradient to the next ones."""
        if self.transfer is None or texture is None:
            return target + self.group(target), None
        target = target + self.group(self.transfer(torch.cat((target, texture), dim=1)))
        if self.texture is not None:
            gathered = texture if self.gather is None else self.gather(torch.cat((texture, target), dim=1))
            texture = texture + self.texture(gathered)
        return target, texture


def _residual_block(config: Config) -> ResidualBlock:
    return ResidualBlock(config.channels, _channel_attention(config) if config.block_attention else None)


def _channel_attention(config: Config, *, fine: bool = False) -> ChannelAttention:
    radius = config.pool_radius if config.pooling == "local" else None
    if fine:
        return ChannelAttention(config.fine_channels, radius=radius, factors=config.factors)
    return ChannelAttention(config.channels, radius=radius)


class CRFM(nn.Module):
    """Super-resolve volumes with the texture of a reference contrast, or without one.

    The result is a fixed interpolation plus a residual, which is zero at initialisation. A reference that is not given
    is one without gradients.

    Parameters
    ----------
    config
        Hyper-parameters.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        c, f, factors = config.channels, config.fine_channels, config.factors
        scaling = partial(Refine, upsampling=config.upsampling)
        self.interpolate = Interpolate(factors, kernel=config.interpolation, alignment=config.alignment)
        self.head = nn.Sequential(conv(1, c), nn.ReLU(), conv(c, c))
        self.gradient_head = self.gradient_down = self.plug_in = None
        if config.reference != "none":
            self.gradient_head = nn.Sequential(conv(4 if config.reference == "vector" else 1, f), nn.ReLU(inplace=True))
            self.gradient_down = nn.Sequential(Coarsen(f, c, factors, upsampling=config.upsampling), nn.ReLU())
        self.stages = nn.ModuleList(Stage(config, last=n == config.stages - 1) for n in range(config.stages))
        self.lift = nn.Sequential(scaling(c, f, factors), nn.ReLU(inplace=True))
        if config.mutual_projection != "none":
            self.plug_in = _plug_in(config)
        insertions = 0 if self.plug_in is None else config.insertions
        maps = 1 + insertions + (config.reference != "none")
        self.fusion = Fusion(f, maps, kind=config.fusion, attention=_channel_attention(config, fine=True))
        self.tail = nn.Sequential(conv(f, f), nn.ReLU(inplace=True), conv(f, 1))
        self.direct = conv(c, math.prod(factors)) if config.direct else None
        for layer in (self.tail[-1], self.direct):
            if isinstance(layer, nn.Conv3d):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor, reference: Tensor | None = None, *, coarse_alone: bool = False) -> Tensor:
        """Super-resolve.

        Parameters
        ----------
        image
            Coarse volumes (B, 1, D, H, W) of any size, brightest tissue about 1.
        reference
            Volumes (B, 1, fD, gH, hW) of another contrast on the fine grid, likewise; None for none.
        coarse_alone
            For training: only the detail that `Config.direct` takes from the coarse features, without the plug-in
            module and the fusion, which are most of the work.

        Returns
        -------
        Tensor
            (B, 1, fD, gH, hW), float32.
        """
        config = self.config
        size = image.shape[2:]
        # Windows and the coarser map of cross-scale attention need whole multiples; what is added is cut off again.
        sides = [math.lcm(config.window or 1, factor) for factor in config.factors]
        padded = [-(-length // side) * side for length, side in zip(size, sides, strict=True)]
        fine = [length * factor for length, factor in zip(padded, config.factors, strict=True)]
        shown = None if reference is None else _extend(reference, fine)
        residual = self._residual(_extend(image, padded), shown, coarse_alone=coarse_alone)
        d, h, w = (length * factor for length, factor in zip(size, config.factors, strict=True))
        skip: Tensor = self.interpolate(image)
        return skip + _DETAIL * residual[:, :, :d, :h, :w]

    def _residual(self, image: Tensor, reference: Tensor | None, *, coarse_alone: bool) -> Tensor:
        config = self.config
        total = texture = fine = None
        if self.gradient_head is not None and self.gradient_down is not None:
            fine = self.gradient_head(self._shown(image, reference))
            texture = self.gradient_down(fine)
            total = None if coarse_alone else self.fusion.add(None, len(self.fusion.join) - 1, fine)
            # On the fine grid every map counts in memory: none stays longer than it is needed.
            fine = fine if config.fmp_values == "reference" else None
        target = self.head(image)
        for number, stage in enumerate(self.stages, start=1 + config.insertions - config.stages):
            target, texture = stage(target, texture)
            if self.plug_in is not None and number >= 1 and not coarse_alone:
                found, refined = self.plug_in(target, texture, fine)
                total = self.fusion.add(total, number, found)
                target = target if refined is None or number == config.insertions else refined
                del found
        del fine, texture
        direct = None if self.direct is None else depth_to_space(self.direct(target), config.factors)
        if coarse_alone:
            assert direct is not None
            return direct.float()
        total = self.fusion.add(total, 0, self.lift(target))
        total = self.fusion(total)
        residual: Tensor = self.tail(total)
        return (residual if direct is None else residual + direct).float()

    def _shown(self, image: Tensor, reference: Tensor | None) -> Tensor:
        config = self.config
        assert config.reference != "none"
        if reference is None:
            sizes = [length * factor for length, factor in zip(image.shape[2:], config.factors, strict=True)]
            channels = 4 if config.reference == "vector" else 1
            return image.new_zeros((len(image), channels, *sizes))
        return reference_features(reference, kind=config.reference, operator=config.operator)


def _plug_in(config: Config) -> MutualProjection:
    assert config.mutual_projection != "none"
    return MutualProjection(
        config.channels,
        config.fine_channels,
        config.factors,
        window=config.window,
        branches=config.mutual_projection,
        values=config.fmp_values,
        value_k=config.value_k,
        match_channels=config.match_channels,
        upsampling=config.upsampling,
        # After the last stage nobody reads them, and weights that nobody reads would never learn.
        refine=config.insertions > 1,
        rows=config.rows,
    )


def _extend(x: Tensor, sizes: list[int]) -> Tensor:
    """Reflect a volume at its far ends, as often as it takes, until it has the given sizes."""
    for axis, (length, wanted) in enumerate(zip(x.shape[2:], sizes, strict=True), start=2):
        if wanted > length:
            period = max(2 * (length - 1), 1)
            index = torch.arange(wanted, device=x.device) % period
            x = x.index_select(axis, torch.minimum(index, period - index))
    return x
