"""Hyper-parameters of CRFM and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Config:
    """What defines one CRFM; each ablation of the specification is one field.

    Parameters
    ----------
    scale
        Super-resolution factor: 2, 3 or 4.
    axes
        ``"3d"``: all axes get finer; ``"through-plane"``: the slice axis k alone.
    degradation
        What made the coarse image. It says what the added interpolation keeps in place: sample 0 (``"k-space"``) or
        the voxels' edges (``"blur"``, ``"thick-slice"``).
    interpolation
        Of that skip connection: ``"sinc"`` (Kaiser window, 8 samples to either side) or ``"cubic"``.
    channels
        Feature channels C on the coarse grid, even.
    fine_channels
        Feature channels on the fine grid, which is where memory goes; the specification has C.
    stages, blocks
        Stages of the backbone N, and residual blocks of each M.
    reference
        What of the reference is used: ``"gradient"`` magnitude, gradient ``"vector"`` and magnitude, ``"intensity"``,
        or ``"none"``: then there is no reference, and attention goes to the target itself.
    operator
        Of the gradient: ``"central"`` differences or ``"sobel"`` (smoothed across).
    target_to_gradient
        Whether the target's features flow back into the branch of the gradient.
    mutual_projection
        ``"mutual"``, ``"sum"`` of the two attentions, ``"in-scale"`` or ``"cross-scale"`` alone, or ``"none"``.
    insertions
        After how many stages, the last ones, the plug-in module stands, with shared weights.
    fmp_values
        Where cross-scale attention takes detail from: the ``"target"`` or the ``"reference"``.
    value_k
        Coarse voxels along each side of what it pastes: 1 or 3.
    window
        Side of the windows that attention stays in, in coarse voxels, a multiple of the scale; 0: no windows.
    rows
        Queries whose attention weights exist at one time.
    upsampling
        ``"transposed"`` convolution or 1x1x1 convolution and ``"shuffle"``; downsampling likewise.
    pooling
        Of channel attention: ``"global"``, or ``"local"`` over the (2 `pool_radius` + 1)^3 coarse voxels around.
    pool_radius
        See `pooling`.
    block_attention
        Whether the backbone's residual blocks have channel attention.
    fusion
        Channel and spatial attention of the fusion: ``"parallel"``, ``"sequential"`` or ``"none"``.
    direct
        Whether the coarse features also give detail straight away, by one convolution to the fine voxels (Shi et al.,
        ESPCN, CVPR 2016), and the fused maps add to it: with it the network learns several times faster.
    match_channels
        Features of a coarse voxel by which attention finds what is alike; 0: half of `channels`.
    contrasts
        What it learns from: any may be the target, any other its reference; or ``("image",)`` without reference.
    reference_dropout
        Share of the training samples whose reference is withheld, so that none is needed later.
    misregistration, misrotation
        Largest random shift of the reference in training, in fine voxels along each axis, and rotation in degrees.
    gradient_weight, ssim_weight
        Weights of the optional terms beside the mean absolute error.
    coarse_fraction
        First fraction of the training in which the coarse features of `direct` learn alone: they do most of the work
        at a quarter of the cost.
    squared_fraction
        Last fraction of the training in which squared errors are minimised instead of absolute ones.

    Raises
    ------
    ValueError
        If a value is outside its range; the message names the field and the value.
    """

    scale: int = 2
    axes: Literal["3d", "through-plane"] = "3d"
    degradation: Literal["k-space", "blur", "thick-slice"] = "k-space"
    interpolation: Literal["sinc", "cubic"] = "sinc"
    channels: int = 64
    fine_channels: int = 64
    stages: int = 3
    blocks: int = 4
    reference: Literal["gradient", "vector", "intensity", "none"] = "gradient"
    operator: Literal["central", "sobel"] = "central"
    target_to_gradient: bool = True
    mutual_projection: Literal["mutual", "sum", "in-scale", "cross-scale", "none"] = "mutual"
    insertions: int = 1
    fmp_values: Literal["target", "reference"] = "target"
    value_k: int = 3
    window: int = 0
    rows: int = 4096
    upsampling: Literal["transposed", "shuffle"] = "transposed"
    pooling: Literal["global", "local"] = "global"
    pool_radius: int = 3
    block_attention: bool = True
    fusion: Literal["parallel", "sequential", "none"] = "parallel"
    direct: bool = False
    match_channels: int = 0
    contrasts: tuple[str, ...] = ("T1w", "T2w")
    reference_dropout: float = 0.0
    misregistration: float = 0.0
    misrotation: float = 0.0
    gradient_weight: float = 0.0
    ssim_weight: float = 0.0
    coarse_fraction: float = 0.0
    squared_fraction: float = 0.0

    def __post_init__(self) -> None:
        self._check("scale", self.scale in (2, 3, 4), "2, 3 or 4")
        self._check("value_k", self.value_k in (1, 3), "1 or 3")
        for name in ("channels", "fine_channels", "stages", "blocks", "rows", "pool_radius"):
            self._check(name, getattr(self, name) >= 1, "at least 1")
        self._check("channels", self.channels % 2 == 0, "even")
        self._check("insertions", 1 <= self.insertions <= self.stages, f"from 1 to the stages ({self.stages})")
        self._check("window", self.window >= 0 and self.window % self.scale == 0, f"0 or a multiple of {self.scale}")
        for name in ("reference_dropout", "coarse_fraction", "squared_fraction"):
            self._check(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        self._check("coarse_fraction", self.direct or not self.coarse_fraction, "0 without direct")
        for name in ("match_channels", "misregistration", "misrotation", "gradient_weight", "ssim_weight"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        self._check("contrasts", len(self.contrasts) >= 1, "one or more")
        if self.reference == "none":
            self._check("fmp_values", self.fmp_values == "target", "'target' without a reference")
        else:
            self._check("contrasts", len(set(self.contrasts)) > 1, "two different ones or more, with a reference")

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ValueError(f"CRFM config: {name} must be {expected}, not {getattr(self, name)!r}")

    @property
    def factors(self) -> tuple[int, int, int]:
        """Fine voxels to a coarse one along (k, j, i)."""
        return (self.scale, 1, 1) if self.axes == "through-plane" else (self.scale,) * 3

    @property
    def alignment(self) -> Literal["sample", "edge"]:
        """What the degradation keeps in place."""
        return "sample" if self.degradation == "k-space" else "edge"
