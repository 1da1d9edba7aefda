"""How slices are reconstructed, by a model or without one, and what comes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mrienhance.errors import ModelError
from mrienhance.images import IntensityScale
from mrienhance.models import Model
from mrienhance.physics import Sense, zero_filled
from mrienhance.tasks.classical import Classical
from mrienhance.tasks.raw_data import RawData
from mrienhance.tasks.reconstruction_record import ClassScore

IMAGE, SCORES = "image", "scores"
WITHOUT_LESION_TERM, ZERO_FILLED = "without-lesion-term", "zero-filled"
_PHASE, _ERROR, _ENERGY = "phase", "error", "energy"


class Reconstruction:
    """Slices in, magnitudes and what belongs to them out.

    Parameters
    ----------
    chosen
        A model, or a reconstruction that learned nothing.
    precision
        Of a model's large products; without one there are none.

    Attributes
    ----------
    title, parameters, classes
        What users read; settings of a classical reconstruction; what a model's classifier knows.
    module, precision
        The network, or None; the arithmetic it runs in.
    """

    def __init__(self, chosen: Model | Classical, precision: torch.dtype) -> None:
        self._chosen = chosen
        self.module: nn.Module | None = None
        self.parameters: dict[str, float | int | str] = {}
        self.classes: tuple[str, ...] = ()
        if isinstance(chosen, Classical):
            self.title, self.precision = chosen.title, torch.float32
            self.parameters = dict(chosen.parameters)
        else:
            self.title, self.precision, self.module = chosen.method.title, precision, chosen.module
            self.classes = tuple(getattr(chosen.config, "classes", ()))

    def call(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Reconstruct some slices.

        Parameters
        ----------
        inputs
            ``"kspace"``, ``"maps"`` complex (B, coil, H, W), shift-free; ``"mask"`` (B, H, W).

        Returns
        -------
        dict
            Magnitudes and maps (B, H, W); scores (B, classes); energies (B,) of the samples, and of what the image
            differs from them, where its phase is known.

        Raises
        ------
        ModelError
            If the network needs something that raw data do not give, such as an attention from outside.
        """
        kspace, maps, mask = inputs["kspace"], inputs["maps"], inputs["mask"]
        if isinstance(self._chosen, Classical):
            x = self._chosen(kspace, maps, mask)
            answers = {IMAGE: x.abs(), ZERO_FILLED: zero_filled(kspace, maps, mask).abs()}
            return answers | _energies(x, kspace, maps, mask)
        found = self._run(self._chosen, inputs)
        answers = {name: part.float().squeeze(1) if part.ndim == 4 else part.float() for name, part in found.items()}
        phase = answers.pop(_PHASE, None)
        if phase is None:
            return answers
        return answers | _energies(torch.polar(answers[IMAGE], phase), kspace, maps, mask)

    def _run(self, model: Model, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        try:
            return model.method.run(model.module, inputs)
        except ValueError as error:  # so methods say that they lack an input, or that it does not fit
            reason = (str(error).splitlines() or ["no reason given"])[0]
            raise ModelError(
                f"{model.name} cannot reconstruct this: {reason}", hint="choose another model; cg-sense needs none"
            ) from error


def _energies(x: Tensor, kspace: Tensor, maps: Tensor, mask: Tensor) -> dict[str, Tensor]:
    error = Sense(maps, mask)(x) - kspace * mask.unsqueeze(-3)
    return {_ERROR: _energy(error), _ENERGY: _energy(kspace)}


def _energy(kspace: Tensor) -> Tensor:
    return torch.view_as_real(kspace).square().flatten(1).sum(1)


class Found:
    """The volumes that grow from the answers, and what is said of them.

    Parameters
    ----------
    data, maps
        Where the slices come from: raw data, and coil maps (slice, coil, H, W).
    window
        What to keep of a slice.
    wants
        Whether a map of this name is wanted.

    Attributes
    ----------
    volumes
        float32 (slice, H, W), by name.
    """

    def __init__(self, data: RawData, maps: Tensor, window: tuple[slice, slice], wants: Callable[[str], bool]) -> None:
        self._data, self._maps, self._window, self._wants = data, maps, window, wants
        self._everything: dict[str, Tensor] = {}

    def take(self, at: slice) -> dict[str, Tensor]:
        """Inputs of some slices."""
        return {"kspace": self._data.samples(at), "maps": self._maps[at], "mask": self._data.mask(at)}

    def give(self, at: slice, answers: Mapping[str, Tensor]) -> None:
        """Keep the answers on some slices."""
        for name, answer in answers.items():
            part = answer.to("cpu", torch.float32)
            if part.ndim == 3:
                rows, columns = self._window
                part = part[:, rows, columns]
            if name not in self._everything:
                self._everything[name] = torch.empty(self._data.count, *part.shape[1:])
            self._everything[name][at] = part

    @property
    def volumes(self) -> dict[str, Tensor]:
        """What becomes images: the result, and the maps that are wanted."""
        return {name: part for name, part in self._everything.items() if part.ndim == 3 and self._wants(name)}

    @property
    def residual(self) -> float | None:
        """``||A x - y|| / ||y||`` over all slices; None where the image has no phase."""
        if _ERROR not in self._everything:
            return None
        error, energy = (float(self._everything[name].double().sum()) for name in (_ERROR, _ENERGY))
        return math.sqrt(error / energy) if energy > 0 else None

    def facts(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """What a `ReconstructionRecord` says of scores and of the lesion term."""
        facts: dict[str, Any] = {}
        if SCORES in self._everything:
            scores = self._everything[SCORES]
            names = classes if len(classes) == scores.shape[1] else tuple(f"class {n}" for n in range(scores.shape[1]))
            facts["scores"] = tuple(
                ClassScore(name=name, highest=float(column.max()), slice=int(column.argmax()))
                for name, column in zip(names, scores.unbind(1), strict=True)
            )
        if WITHOUT_LESION_TERM in self._everything:
            image = self._everything[IMAGE]
            change = (image - self._everything[WITHOUT_LESION_TERM]).abs().flatten(1).amax(1)
            facts["largest_lesion_change"] = float(change.max()) / IntensityScale.of(image).scale
            facts["largest_lesion_change_slice"] = int(change.argmax())
        return facts
