"""A pattern of k-space lines that is learned together with the network that reconstructs them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mrienhance.physics.lines import central_lines


class LearnableLines(nn.Module):
    """Learn with which probability each line is sampled, for a given acceleration: LOUPE [1]_ for lines.

    Each line has one logit w. Its probability sigmoid(slope * w) is rescaled, together with those of the other lines
    outside the centre, so that the mean over all lines is ``1 / acceleration``; central lines have probability 1. A
    mask is drawn from uniform noise u as sigmoid(sharpness * (p - u)), nearly binary and differentiable.

    Parameters
    ----------
    lines
        Number of phase-encoding lines.
    acceleration
        Lines over expected sampled lines.
    center_fraction
        Fraction of central lines that is always sampled: one line at least, unless it is 0.
    slope
        How quickly probabilities follow their logits.
    sharpness
        How near relaxed masks come to binary ones.

    Attributes
    ----------
    logits : Parameter
        Shape (lines,), shift-free; zero at first, which is the pattern of `random_lines`. The central ones have no
        effect.

    Raises
    ------
    ValueError
        If an argument is out of range, or the centre alone has more lines than the acceleration allows.

    References
    ----------
    .. [1] C. D. Bahadir, A. Q. Wang, A. V. Dalca, M. R. Sabuncu, "Deep-learning-based optimization of the
       under-sampling pattern in MRI", IEEE Trans. Comput. Imaging 6, 2020.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import LearnableLines
    >>> pattern = LearnableLines(64, acceleration=4, center_fraction=0.08)
    >>> mask = pattern(generator=torch.Generator().manual_seed(0))
    >>> mask.shape, sorted(set(mask.tolist())), mask.requires_grad
    (torch.Size([64]), [0.0, 1.0], True)
    >>> round(float(pattern.probabilities().detach().mean()), 6), float(pattern.best().mean())
    (0.25, 0.25)
    """

    def __init__(
        self,
        lines: int,
        *,
        acceleration: float,
        center_fraction: float,
        slope: float = 5.0,
        sharpness: float = 200.0,
    ) -> None:
        super().__init__()
        if not (slope > 0 and sharpness > 0):
            raise ValueError(f"slope and sharpness are above 0, got {slope} and {sharpness}")
        center = central_lines(lines, acceleration=acceleration, center_fraction=center_fraction)
        self.lines, self.acceleration, self.slope, self.sharpness = lines, acceleration, slope, sharpness
        self.logits = nn.Parameter(torch.zeros(lines))
        first = (lines - center + 1) // 2
        place = torch.arange(lines)
        is_center = torch.fft.ifftshift((place >= first) & (place < first + center))
        self.center: Tensor
        self.register_buffer("center", is_center, persistent=False)
        self._outside = lines - center
        self._target = (lines / acceleration - center) / max(self._outside, 1)

    def probabilities(self) -> Tensor:
        """Probabilities (lines,), 0 to 1, 1 in the centre; their mean is ``1 / acceleration``."""
        chance = torch.sigmoid(self.slope * self.logits).masked_fill(self.center, 0)
        mean = chance.sum() / max(self._outside, 1)
        excess = float(mean.detach()) - self._target
        if excess > 0:
            chance = chance * (self._target / mean)
        elif excess < 0:
            # Mirrored, so that no probability passes 1.
            chance = 1 - (1 - chance) * ((1 - self._target) / (1 - mean))
        return chance.masked_fill(self.center, 1)

    def relaxed(self, noise: Tensor) -> Tensor:
        """The differentiable mask for uniform noise (..., lines) from 0 to 1."""
        soft = torch.sigmoid(self.sharpness * (self.probabilities() - noise))
        return soft.masked_fill(self.center, 1)

    def forward(
        self, size: Sequence[int] = (), *, hard: bool = True, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw masks.

        Parameters
        ----------
        size
            Sizes of leading axes: so many independent masks.
        hard
            Whether masks are exactly 0 and 1, with the gradient of relaxed ones (straight through).
        generator
            CPU generator.

        Returns
        -------
        Tensor
            (*size, lines), 0 to 1, shift-free: a factor for k-space.
        """
        noise = torch.rand((*size, self.lines), generator=generator).to(self.logits)
        return self.sample(noise) if hard else self.relaxed(noise)

    def sample(self, noise: Tensor) -> Tensor:
        """Make a binary mask of uniform noise (..., lines), with the gradient of the relaxed one."""
        soft = self.relaxed(noise)
        binary = (noise < self.probabilities().detach()) | self.center
        return binary.to(soft) + (soft - soft.detach())

    def best(self) -> Tensor:
        """The most probable lines, ``round(lines / acceleration)`` of them: one fixed mask (lines,) of 0 and 1."""
        count = round(self.lines / self.acceleration)
        # The centre goes before everything, and of equal lines the one that comes first.
        ranking = self.probabilities().detach() + self.center.to(self.logits)
        chosen = ranking.sort(descending=True, stable=True).indices[:count]
        return torch.zeros_like(ranking).scatter_(0, chosen, 1)

    def extra_repr(self) -> str:
        """Lines and acceleration."""
        return f"lines={self.lines}, acceleration={self.acceleration:g}"
