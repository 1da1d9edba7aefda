"""What a synthesizing network does with one scan: make other contrasts of it, and tell which one it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mrienhance.errors import UsageError
from mrienhance.methods.base import Method, Tiling
from mrienhance.models import Model
from mrienhance.tasks.scans import Scan
from mrienhance.tasks.synthesis_record import SourceRecord

SURE, DOUBTFUL = 0.6, 0.2
"""From so likely on a contrast is taken for granted; below so likely it is doubted, if another one is that sure."""

_SLICES = 12
_TISSUE = 0.1


@dataclass(frozen=True)
class Translation:
    """A method's network as the predictor runs it: from one contrast to others, all of them in one call.

    Parameters
    ----------
    method
        What the network is of.
    source, targets
        Contrasts in and out.
    """

    method: Method
    source: str
    targets: tuple[str, ...]

    @property
    def title(self) -> str:
        """What users read."""
        return self.method.title

    def tiling(self, config: Any) -> Tiling:
        """Say how the network may be fed."""
        return self.method.tiling(config)

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Make the targets, by their names, of ``"image"``."""
        return self.method.synthesize(module, inputs["image"], source=self.source, targets=self.targets)


def identify(scan: Scan, model: Model, able: tuple[str, ...]) -> SourceRecord:
    """Have the model look at a scan, and find out what it is if nobody said.

    Parameters
    ----------
    scan
        Its contrast may be None.
    model
        Its network is where it will run.
    able
        The contrasts that it takes, in its order.

    Raises
    ------
    UsageError
        If nobody said what the scan is, and the model cannot tell, or is not sure.
    """
    likely = _probabilities(scan.volume, model, able)
    best = max(likely, key=lambda name: likely[name], default=None)
    contrast = scan.contrast
    if contrast is None:
        hint = f"say which it is, with --from {able[0]} for instance"
        if best is None:
            raise UsageError(f"{model.name} cannot tell which contrast the image is", hint=hint)
        if likely[best] < SURE:
            raise UsageError(f"it is not clear which contrast the image is: {_listed(likely)}", hint=hint)
        contrast = best
    return SourceRecord(
        contrast=contrast,
        guessed=scan.contrast is None,
        placed=scan.placed,
        registration=scan.registration,
        recognized=best,
        probabilities=likely,
    )


def doubts(source: SourceRecord, model: Model) -> tuple[str, ...]:
    """What to say of a scan that does not look like what it is said to be."""
    best = source.recognized
    if best is None or source.probabilities[source.contrast] >= DOUBTFUL or source.probabilities[best] <= SURE:
        return ()
    chance = f"{source.probabilities[best]:.0%}"
    return (f"what is given as {source.contrast} does not look like it: {model.name} takes it for {best} ({chance})",)


def _listed(likely: Mapping[str, float]) -> str:
    ordered = sorted(likely.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {chance:.0%}" for name, chance in ordered if chance >= 0.05)


def _probabilities(volume: Tensor, model: Model, able: tuple[str, ...]) -> dict[str, float]:
    """The mean over some slices (or of the volume); empty if the model cannot tell."""
    tiling, module = model.method.tiling(model.config), model.module.eval()
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    total = torch.zeros(len(able))
    pieces = volume[_telling(volume)] if tiling.ndim == 2 else volume[None]
    with torch.inference_mode():
        for piece in pieces:
            answer = model.method.recognize(module, _padded(piece, tiling.multiple_of)[None, None].to(device))
            if answer is None:
                return {}
            total += answer[0].float().cpu()
    mean = (total / len(pieces)).tolist()
    return {name: round(value, 4) for name, value in zip(able, mean, strict=True)}


def _telling(volume: Tensor) -> Tensor:
    """Numbers of slices with much tissue in them, a dozen at most, spread evenly."""
    tissue = (volume > _TISSUE).float().mean((1, 2))
    full = (tissue >= tissue.max() / 2).nonzero().flatten()
    places = torch.linspace(0, len(full) - 1, min(_SLICES, len(full))).round().long()
    return full[places]


def _padded(piece: Tensor, multiple: int) -> Tensor:
    """Filled up with background at the far ends."""
    missing = [amount for size in reversed(piece.shape) for amount in (0, -size % multiple)]
    return functional.pad(piece, missing)
