"""A small method in three dimensions: one convolution beside an interpolation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.methods import Loss, Method, Objective, Paper, Tiling
from mrienhance.methods.objective import COARSE, Batch, Sampling


@dataclass(frozen=True, kw_only=True)
class Config:
    """Contrasts to learn from; ``("image",)``: any one."""

    contrasts: tuple[str, ...] = ("image",)
    scale: int = 2


class Network(nn.Module):
    """Repeats voxels and adds a correction; at first all is a third too dark."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.convolution = nn.Conv3d(1, 1, 3, padding=1)
        with torch.no_grad():
            self.convolution.weight.zero_()[0, 0, 1, 1, 1] = -1 / 3
            self.convolution.bias.zero_()  # type: ignore[union-attr]

    def forward(self, image: Tensor) -> Tensor:
        fine = functional.interpolate(image, scale_factor=self.scale, mode="nearest")
        return fine + self.convolution(fine)


class BlockObjective(Objective):
    """Mean absolute error of the first contrast that a block holds."""

    ndim = 3
    degradation = "blur"

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.contrasts, self.factors = config.contrasts, (config.scale,) * 3

    def prepare(
        self, images: Sequence[Mapping[str, Tensor]], sampling: Sampling, generator: torch.Generator, common: Batch
    ) -> Batch:
        held = [next(name for name in self.contrasts if name in image) for image in images]
        target = torch.stack([image[name][None] for name, image in zip(held, images, strict=True)])
        coarse = torch.stack([image[name + COARSE][None] for name, image in zip(held, images, strict=True)])
        return {"image": coarse, "target": target}

    def losses(self, modules: Mapping[str, nn.Module], batch: Batch, *, progress: float) -> Iterator[Loss]:
        yield Loss(functional.l1_loss(modules["network"](batch["image"]), batch["target"]))

    def whole(self, image: Mapping[str, Tensor]) -> Batch:
        batch = self.prepare([image], Sampling(), torch.Generator(), {})
        return {**batch, "baseline": functional.interpolate(batch["image"], scale_factor=2, mode="nearest")}

    def predict(self, network: nn.Module, batch: Batch) -> Tensor:
        prediction: Tensor = network(batch["image"])
        return prediction


class Toy(Method):
    """It learns in three dimensions."""

    name, title, tasks, Config = "toy-3d", "Toy", ("super-resolve",), Config
    paper = Paper(citation="A toy", doi="10.0/toy", fidelity="exact")

    def build(self, config: Config) -> Network:
        return Network(config.scale)

    def tiling(self, config: Config) -> Tiling:
        return Tiling(ndim=3, scale=config.scale, halo=1)

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"image": module(inputs["image"])}

    def objective(self, config: Config) -> BlockObjective:
        return BlockObjective(config)

    def variants(self) -> dict[str, Any]:
        return {"plain": Config()}

    def example(self, config: Config, *, batch: int, size: tuple[int, ...]) -> dict[str, Tensor]:
        return {"image": torch.rand(batch, 1, *size)}


@dataclass
class Entry:
    """An entry point that gives it."""

    name: str = "toy-3d"
    value: str = "toy_blocks"

    def load(self) -> Toy:
        return Toy()
