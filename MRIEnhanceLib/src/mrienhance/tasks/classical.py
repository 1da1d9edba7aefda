"""Reconstructions without learning, by the names under which users ask for them. They need no model file.

Nothing heavy is imported before one of them runs, so that programs can list them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Classical:
    """A reconstruction that learned nothing.

    Attributes
    ----------
    name
        What users type.
    title
        What users read.
    summary
        A sentence on what it does, and where it comes from.
    function
        Its name in `mrienhance.physics`: a function of k-space, coil maps and mask.
    parameters
        Its further arguments.
    """

    name: str
    title: str
    summary: str
    function: str
    parameters: Mapping[str, float | int | str]

    def __call__(self, kspace: Tensor, maps: Tensor, mask: Tensor) -> Tensor:
        """Reconstruct k-space (..., coil, H, W), shift-free: a complex image (..., H, W)."""
        from mrienhance import physics

        image: Tensor = getattr(physics, self.function)(kspace, maps, mask, **self.parameters)
        return image


def _classical(name: str, title: str, summary: str, **parameters: float) -> tuple[str, Classical]:
    frozen = MappingProxyType(parameters)
    return name, Classical(name=name, title=title, summary=summary, function=name.replace("-", "_"), parameters=frozen)


CLASSICAL: Mapping[str, Classical] = MappingProxyType(
    dict(
        [
            _classical(
                "cg-sense",
                "CG-SENSE",
                "Least squares with Tikhonov's weight by conjugate gradients (Pruessmann et al., MRM 2001).",
                weight=0.01,
                iterations=30,
            ),
            _classical(
                "l1-wavelet",
                "L1-wavelet",
                "Compressed sensing: few wavelets make the image (Lustig et al., MRM 2007).",
                weight=0.001,
                iterations=100,
            ),
            _classical(
                "total-variation",
                "Total variation",
                "Compressed sensing: the image has few edges (Block et al., MRM 2007).",
                weight=0.001,
                iterations=200,
            ),
            _classical(
                "zero-filled",
                "Zero-filled",
                "Coil images with zeros for what was not measured, combined: aliased, and darker by what is missing.",
            ),
        ]
    )
)
"""What can reconstruct without a model, by name; the first is the one to take where there is no model."""
