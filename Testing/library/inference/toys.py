"""Small methods that show one property each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods.base import Method, Paper, Tiling


@dataclass(frozen=True, kw_only=True)
class ToyConfig:
    """Nothing to choose."""


class Toy(Method):
    """A method made of a function that builds a module, and its tiling."""

    name = "toy"
    title = "Toy"
    paper = Paper(citation="none", doi="none", fidelity="a test")
    tasks = ("super-resolve",)
    Config = ToyConfig

    def __init__(self, build: Callable[[], nn.Module], tiling: Tiling) -> None:
        self._build, self._tiling = build, tiling

    def build(self, config: Any) -> nn.Module:
        """Make the module."""
        torch.manual_seed(0)
        return self._build()

    def tiling(self, config: Any) -> Tiling:
        """Say how it is fed."""
        return self._tiling

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Call the module with the image, or with all inputs if it takes more than one."""
        answer = module(inputs["image"]) if len(inputs) == 1 else module(**inputs)
        return answer if isinstance(answer, dict) else {"image": answer}

    def variants(self) -> dict[str, Any]:
        """Name the only one."""
        return {"only": ToyConfig()}

    def objective(self, config: Any) -> Any:
        """Refuse: toys do not learn."""
        raise NotImplementedError

    def example(self, config: Any, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        """Give noise."""
        return {"image": torch.rand(batch, 1, *size)}


class Nearest(nn.Module):
    """Repeat each voxel; with scale 1 the identity. Refuses sides that are no multiple."""

    def __init__(self, scale: int = 1, multiple_of: int = 1) -> None:
        super().__init__()
        self.scale, self.multiple_of = scale, multiple_of

    def forward(self, x: Tensor) -> Tensor:
        """Repeat."""
        for axis in range(2, x.ndim):
            assert x.shape[axis] % self.multiple_of == 0
            x = x.repeat_interleave(self.scale, dim=axis)
        return x


class Local(nn.Module):
    """Two convolutions that pad with zeros, then nearest upsampling, and a map at scale 1. Halo 3."""

    def __init__(self, ndim: int, scale: int) -> None:
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        self.first, self.second = conv(1, 4, 5, padding=2), conv(4, 1, 3, padding=1)
        self.up = Nearest(scale)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Convolve and repeat."""
        features = torch.tanh(self.first(x))
        coarse = self.second(features)
        return {"image": self.up(coarse), "coarse": coarse}


class Strided(nn.Module):
    """Down by 4 and up again, with zero padding: its answer depends on where multiples of 4 lie."""

    def __init__(self, ndim: int) -> None:
        super().__init__()
        conv, up = (nn.Conv2d, nn.ConvTranspose2d) if ndim == 2 else (nn.Conv3d, nn.ConvTranspose3d)
        self.down, self.middle, self.up = conv(1, 3, 4, stride=4), conv(3, 3, 3, padding=1), up(3, 1, 4, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        """Down and up."""
        answer: Tensor = self.up(torch.tanh(self.middle(self.down(x))))
        return answer


class Global(nn.Module):
    """Local contrast times a gain that depends on the whole image."""

    def forward(self, x: Tensor) -> Tensor:
        """Blur, and weigh by the mean."""
        return functional.avg_pool2d(x, 3, stride=1, padding=1) * (1 + 0.1 * x.mean((2, 3), keepdim=True))


class Hungry(nn.Module):
    """The identity up to a number of voxels, out of memory above."""

    def __init__(self, voxels: int, error: Callable[[], Exception]) -> None:
        super().__init__()
        self.voxels, self.error = voxels, error
        self.calls: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Pass on, or raise."""
        self.calls.append(tuple(x.shape))
        if x.numel() > self.voxels:
            raise self.error()
        return x.clone()
