"""A few steps of every objective, in one process or in two that this program starts: they must learn the same.

Double precision: then what is left of the differences is far below what a mistake would make of them, and Adam does not
make whole steps of gradients that are nothing but rounding.

``python one_step_or_two.py OUT.safetensors`` writes what was learned: ``two/CASE/...`` in two processes, ``shards/...``
in two with shares of the network, ``parts/...`` in one whose steps have two parts, ``whole/...`` in one with all images
at once, and ``half/...`` with half of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from safetensors.torch import save_file
from torch import Tensor

from mrienhance.methods import Sampling, get_method
from mrienhance.methods.objective import COARSE
from mrienhance.physics.degradation import make_degradation
from mrienhance.training.batches import Batches
from mrienhance.training.launch import make_fabric
from mrienhance.training.learner import Learner
from mrienhance.training.parallel import Team
from mrienhance.training.settings import TrainingSettings
from mrienhance.training.state import collect_tensors

STEPS, IMAGES = 3, 1
"""Images are those of one of two processes."""
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "iconet": ("iconet", {"scale": 2, "channels": 8, "groups": 1, "blocks_per_group": 1, "heads": 2}),
    "crfm": ("crfm", {"channels": 8, "fine_channels": 4, "stages": 1, "blocks": 1, "misregistration": 1.0}),
    "lf_mri": (
        "lf_mri",
        {
            **{"stages": 1, "width": 8, "classifier": "plain", "classifier_width": 4, "iterations": 3},
            **{"classifier_fraction": 0.5, "frozen_fraction": 0.0, "simulated_lesions": 0.3, "place_loss": 1.0},
        },
    ),
    "unified_gan": (
        "unified_gan",
        {
            **{"width": 8, "residual_blocks": 1, "critic_width": 8, "critic_layers": 3, "critic_updates": 2},
            **{"recognizer_width": 4, "penalty_every": 2},
        },
    ),
    "fgdl": (
        "fgdl",
        {"width": 8, "blocks": 1, "correction_width": 4, "critic_width": 4, "critic_every": 2, "misalignment": "low"},
    ),
    "fgdl-x2": (
        "fgdl",
        {
            **{"scale": 2, "width": 4, "blocks": 1, "fusion_blocks": 1, "growth": 4, "modulation": (4, 4, 4)},
            **{"critic_width": 4, "critic_every": 1},
        },
    ),
}


class Scans:
    """Slices, or blocks, that are drawn at random; some lack what others have."""

    def __init__(self, objective: Any, sampling: Sampling) -> None:
        self.objective, self.sampling = objective, sampling

    def draw(self, count: int, generator: torch.Generator) -> list[dict[str, Tensor]]:
        flat = self.objective.ndim == 2
        return [self._scan(generator) for _ in range(count * (1 if flat else self.sampling.patches))]

    def _scan(self, generator: torch.Generator) -> dict[str, Tensor]:
        objective = self.objective
        side = 36 if objective.ndim == 2 else 16
        axes = torch.meshgrid(*[torch.linspace(-1, 1, side)] * objective.ndim, indexing="ij")
        phases = 3 * torch.rand(objective.ndim, generator=generator)
        inside = (torch.stack([axis.square() for axis in axes]).sum(0) < 0.8).float()
        texture = sum(torch.sin((5 + n) * axis + phases[n]) for n, axis in enumerate(axes))
        image = {name: inside * (0.5 + 0.1 * texture * (1 + number)) for number, name in enumerate(objective.contrasts)}
        if len(image) > 1 and not objective.complete and float(torch.rand((), generator=generator)) < 0.5:
            del image[objective.contrasts[-1]]
        if objective.label_maps and float(torch.rand((), generator=generator)) < 0.7:
            ill = float(torch.rand((), generator=generator)) < 0.5
            image["lesions"] = ill * ((axes[0] - 0.2).square() + axes[1].square() < 0.02).float()
        if objective.ndim == 3:
            coarsen = make_degradation(objective.degradation, (side,) * 3, objective.factors)
            image |= {name + COARSE: coarsen(value) for name, value in image.items()}
        return image


def learn(case: str, fabric: Fabric, team: Team, *, images: int, parts: int = 1, **changes: Any) -> dict[str, Tensor]:
    """What a few steps make of all modules of a case, buffers and optimisers included."""
    name, values = CASES[case]
    method = get_method(name)
    config = method.Config(**values)
    objective = method.objective(config)
    sampling = Sampling(images=images, patches=1, patch=24 if objective.ndim == 2 else 8, intensity_jitter=0.1)
    settings = TrainingSettings(**{"steps": STEPS, "warmup": 0, "learning_rate": 1e-4, **changes})
    torch.manual_seed(0)
    learner = Learner(fabric, team, objective=objective, network=method.build(config), settings=settings)
    source = Scans(objective, sampling)
    batches = Batches(
        **{"objective": objective, "source": source, "sampling": sampling, "seed": 3, "parts": parts},
        **{"rank": team.rank, "processes": team.size, "device": fabric.device},
    )
    for step in range(STEPS):
        terms = learner.learn(batches.ready(batches.ahead(step)), step)
        assert all(bool(value.isfinite()) for value in terms.values())
    return collect_tensors(learner.raw, learner.optimizers, {})


def main(path: Path) -> None:
    torch.set_default_dtype(torch.float64)
    # Where networks ask for float32 they mean at least so much.
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    fabric = make_fabric(accelerator="cpu", devices=2, nodes=1, strategy="ddp", precision="32-true")
    fabric.launch()
    team = Team(fabric)
    found = {f"two/{case}": learn(case, fabric, team, images=IMAGES) for case in CASES}
    found["shards/iconet"] = learn("iconet", fabric, Team(fabric, sharded=True), images=IMAGES)
    team.close()
    if not team.first:
        return
    fabric = make_fabric(accelerator="cpu", devices=1, nodes=1, strategy="auto", precision="32-true")
    alone = Team(fabric)
    for case in CASES:
        found[f"whole/{case}"] = learn(case, fabric, alone, images=2 * IMAGES)
        found[f"parts/{case}"] = learn(case, fabric, alone, images=IMAGES, parts=2)
        found[f"half/{case}"] = learn(case, fabric, alone, images=IMAGES)
    save_file({f"{case}/{name}": value for case, each in found.items() for name, value in each.items()}, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
