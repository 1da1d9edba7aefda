"""Signal equations: what a pulse sequence makes of proton density, T1 and T2.

All give the magnitude in the steady state of ideal pulses and perfect spoiling, in units of the proton density, for any
broadcasting tensors of positive times. The longitudinal magnetisation follows from the Bloch equations, interval by
interval: it recovers as ``1 - (1 - m) exp(-t / T1)``, is inverted by a refocusing pulse, and an excitation leaves its
cosine. See e.g. M. A. Bernstein, K. F. King, X. J. Zhou, "Handbook of MRI Pulse Sequences", 2004, chapter 14.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

LONGITUDINAL_RELAXIVITY, TRANSVERSE_RELAXIVITY = 4.5, 5.5
"""Per mmol/l and second: of a usual gadolinium chelate in blood at clinical field strengths, rounded."""


@dataclass(frozen=True, kw_only=True)
class Sequence(ABC):
    """A pulse sequence with repetition time and echo time in ms, 0 <= te < tr.

    Raises
    ------
    ValueError
        If the times do not fit.
    """

    tr: float
    te: float

    def __post_init__(self) -> None:
        if not 0 <= self.te < self.tr < math.inf:
            raise ValueError(f"an echo at {self.te} ms does not fit a repetition time of {self.tr} ms")

    def signal(self, density: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
        """The magnitude of the echo.

        Parameters
        ----------
        density
            Proton density, at least 0.
        t1, t2
            Relaxation times in ms, above 0; shapes that broadcast.
        """
        return density * self.excited(t1).abs() * torch.exp(-self.te / t2)

    @abstractmethod
    def excited(self, t1: Tensor) -> Tensor:
        """What the excitation tips into the plane, of an equilibrium of 1; below 0 where it is inverted."""


@dataclass(frozen=True, kw_only=True)
class SpinEcho(Sequence):
    """Excitation by 90 degrees, refocusing at te / 2: ``1 - 2 exp(-(tr - te/2) / T1) + exp(-tr / T1)``.

    Examples
    --------
    >>> import torch
    >>> from mrienhance.physics import SpinEcho
    >>> SpinEcho(tr=1000, te=0).signal(torch.tensor(1.0), torch.tensor(1000.0), torch.tensor(80.0))
    tensor(0.6321)
    """

    def excited(self, t1: Tensor) -> Tensor:
        """What 90 degrees tip into the plane."""
        return 1 - 2 * torch.exp(-(self.tr - self.te / 2) / t1) + torch.exp(-self.tr / t1)


@dataclass(frozen=True, kw_only=True)
class GradientEcho(Sequence):
    """Spoiled gradient echo (Ernst): ``sin a (1 - E) / (1 - cos a E)``, ``E = exp(-tr / T1)``.

    Parameters
    ----------
    flip
        Flip angle a in degrees, above 0, at most 90. T2 stands for T2* here: at echo times of some ms the difference
        is small.
    """

    flip: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.flip <= 90:
            raise ValueError(f"a flip angle is above 0 and at most 90 degrees, not {self.flip}")

    def excited(self, t1: Tensor) -> Tensor:
        """What each of endless excitations tips into the plane."""
        angle, rest = math.radians(self.flip), torch.exp(-self.tr / t1)
        return math.sin(angle) * (1 - rest) / (1 - math.cos(angle) * rest)


@dataclass(frozen=True, kw_only=True)
class InversionRecovery(Sequence):
    """A spin echo ti after an inversion: ``1 - 2 exp(-ti / T1) + 2 exp(-(tr - te/2) / T1) - exp(-tr / T1)``.

    With a long ti this is FLAIR; with te near 0 it stands for the T1 weighting of a magnetisation-prepared gradient
    echo, whose many small excitations it leaves out.

    Parameters
    ----------
    ti
        Inversion time in ms, 0 <= ti, ti + te / 2 <= tr.
    """

    ti: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.ti <= self.tr - self.te / 2:
            raise ValueError(f"an inversion time of {self.ti} ms does not fit: tr {self.tr} ms, te {self.te} ms")

    @classmethod
    def nulling(cls, t1: float, *, tr: float, te: float) -> InversionRecovery:
        """The one that makes a tissue vanish: ``ti = T1 ln(2 / (1 + 2 exp(-(tr - te/2) / T1) - exp(-tr / T1)))``."""
        rest = 2 * math.exp(-(tr - te / 2) / t1) - math.exp(-tr / t1)
        return cls(tr=tr, te=te, ti=t1 * math.log(2 / (1 + rest)))

    def excited(self, t1: Tensor) -> Tensor:
        """What 90 degrees tip into the plane; below 0 while the magnetisation is still inverted."""
        echo = 2 * torch.exp(-(self.tr - self.te / 2) / t1) - torch.exp(-self.tr / t1)
        return 1 - 2 * torch.exp(-self.ti / t1) + echo


def with_agent(t1: Tensor, t2: Tensor, uptake: Tensor) -> tuple[Tensor, Tensor]:
    """Relaxation times after contrast agent: ``1 / T = 1 / T0 + r C``.

    Parameters
    ----------
    t1, t2
        Without it, in ms.
    uptake
        Concentration C in mmol/l, at least 0.
    """
    faster1, faster2 = (1e-3 * rate * uptake for rate in (LONGITUDINAL_RELAXIVITY, TRANSVERSE_RELAXIVITY))
    return t1 / (1 + faster1 * t1), t2 / (1 + faster2 * t2)
