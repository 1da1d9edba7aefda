"""Scans that were measured: slices of raw k-space with their coil maps, accelerated afresh each time they are drawn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from mrienhance.datasets.manifest import Raw
from mrienhance.datasets.measured import RawSlice, check_raw, read_raw_slice
from mrienhance.errors import KSpaceError, UsageError
from mrienhance.images import IntensityScale
from mrienhance.physics import espirit, from_centred, from_centred_kspace, low_resolution_maps, rss, sense_combine
from mrienhance.physics.sampling import fixed_generator
from mrienhance.training.acceleration import Acceleration
from mrienhance.training.map_cache import MapCache
from mrienhance.training.source import Source

_LABEL = "lesions"
_FEW_LINES = 8
"""With fewer central lines, kernels of ESPIRiT do not fit in often enough: maps are divided low-resolution images."""
_SUPPORT = 1e-3
"""Where maps of a file are below this fraction of their largest, there is no object."""


@dataclass(frozen=True, kw_only=True)
class ScanSettings(Acceleration):
    """How slices of raw k-space are learned from; they are neither deformed nor cut to `Sampling.patch`.

    Attributes
    ----------
    measured
        Whether prepared folders with raw k-space give it, in place of the images that were made of it. Other folders
        give images, of which scans are simulated as ever.
    kspace
        ``"raw"``: the samples of the coils as they were acquired. ``"cropped"``: the field of view is cut to the
        image's, so that scans of one protocol have one size whatever their oversampling. ``"resimulated"``: it is cut,
        and the samples are made anew from the target and the coil maps; then the measurement is exactly what the model
        says, which makes results better than any scanner's.
    target
        ``"sense"``: the coil images of the full scan combined by the coil maps; ``"rss"``: the root of their sum of
        squares, with the phase of the former.
    maps
        How coil maps are estimated where the data set has none: ``"espirit"`` or ``"low-resolution"``; from those
        central lines only that every accelerated scan samples.
    """

    measured: bool = False
    kspace: Literal["raw", "cropped", "resimulated"] = "raw"
    target: Literal["sense", "rss"] = "sense"
    maps: Literal["espirit", "low-resolution"] = "espirit"


@dataclass(frozen=True)
class MeasuredScan:
    """The slices of one scan of raw k-space.

    Attributes
    ----------
    source, slices
        As `Examples` has them.
    raw, settings
        What the manifest says of it; how it is learned from.
    labels
        ``"lesions"``: of each slice one bit, (slices, 1, 1), where somebody looked for them.
    """

    source: Source
    raw: Raw
    settings: ScanSettings
    slices: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def load(cls, source: Source, settings: ScanSettings, *, min_foreground: float) -> MeasuredScan:
        """See that a scan is there; its samples are read when they are drawn.

        Raises
        ------
        UsageError
            If it is not, or is not as it was prepared.
        """
        assert source.raw is not None
        raw = source.raw
        check_raw(source.path, raw, source.layout)
        tissue = torch.tensor(raw.tissue) if len(raw.tissue) == raw.slices else torch.ones(raw.slices)
        bits = torch.zeros(raw.slices, 1, 1)
        bits[[number for number in raw.labels.get(_LABEL, ()) if 0 <= number < raw.slices]] = 1
        labels = {_LABEL: bits} if _LABEL in raw.labels else {}
        return cls(source, raw, settings, torch.nonzero(tissue >= min_foreground).flatten(), labels)

    def example(self, index: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """One slice, as `Objective.prepare` takes measured ones; without a generator always with the same mask.

        Raises
        ------
        UsageError
            If it cannot be read or used.
        """
        found = read_raw_slice(self.source.path, self.raw, self.source.layout, index)
        kspace = from_centred_kspace(found.kspace.samples)[0]
        acquired = from_centred(found.kspace.mask).float()
        try:
            maps = self._maps(found, kspace, index)
        except KSpaceError as error:
            message = f"{self.source.path}, slice {index}: {error.message}"
            hint = "name the person in data.held_out, or choose another scans.center_fraction or scans.maps"
            raise UsageError(message, hint=hint) from None
        rows, columns = found.kspace.window
        box = found.box
        if self.settings.kspace != "raw":
            kspace, maps = _cropped(kspace, maps, rows, columns, anew=self.settings.kspace == "resimulated")
            acquired, box = torch.ones(kspace.shape[-2:]), (kspace.shape[-2], kspace.shape[-1])
            rows, columns = slice(0, box[0]), slice(0, box[1])
        target = self._target(kspace, maps)
        scale = IntensityScale.of(target[rows, columns].abs()).scale
        drawn = generator or fixed_generator(self.source.path.name, index)
        shape = (kspace.shape[-2], kspace.shape[-1])
        mask = self.settings.draw(shape, box, found.axis, drawn, always=generator is None)
        window = (rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
        return {
            "kspace": kspace / scale,
            "maps": maps,
            "mask": mask * (acquired if acquired.ndim == 2 else acquired[0]),
            "target": target / scale,
            "window": torch.tensor(window),
            **self._lesions(index, shape, rows.start, columns.start),
        }

    def _maps(self, found: RawSlice, kspace: Tensor, index: int) -> Tensor:
        """Of norm 1 over the coils where there is an object, 0 elsewhere: (coil, H, W)."""
        if found.kspace.maps is not None:
            return _normalised(found.kspace.maps[0])
        if len(kspace) == 1:
            return torch.ones_like(kspace)
        shape = (kspace.shape[-2], kspace.shape[-1])
        block = self.settings.centre(shape, found.box, found.axis)
        kind = "low-resolution" if min(block) < _FEW_LINES else self.settings.maps
        key = hashlib.sha256(json.dumps([self.raw.facts_sha256, kind, block]).encode()).hexdigest()

        def estimate() -> Tensor:
            known = _block(shape, block)
            if kind == "low-resolution":
                return low_resolution_maps(kspace, mask=known)
            return espirit(kspace, mask=known)[0]

        return _normalised(MapCache(self.source.prepared, key).get(index, tuple(kspace.shape), estimate))

    def _target(self, kspace: Tensor, maps: Tensor) -> Tensor:
        """The image of the full scan, complex (H, W)."""
        images = torch.fft.ifft2(kspace, norm="ortho")
        combined = sense_combine(images, maps)
        return combined if self.settings.target == "sense" else torch.polar(rss(images), combined.angle())

    def _lesions(self, index: int, shape: tuple[int, int], top: int, left: int) -> dict[str, Tensor]:
        """1 inside the boxes (H, W), where somebody looked for lesions."""
        if _LABEL not in self.labels:
            return {}
        lesions = torch.zeros(shape)
        for box in self.raw.boxes:
            if box["slice"] == index:
                row, column = top + max(int(box["row"]), 0), left + max(int(box["column"]), 0)
                lesions[row : row + int(box["rows"]), column : column + int(box["columns"])] = 1
        return {_LABEL: lesions}


def _cropped(kspace: Tensor, maps: Tensor, rows: slice, columns: slice, *, anew: bool) -> tuple[Tensor, Tensor]:
    """K-space and maps of a part of the field of view; what the maps say of its image, if `anew`."""
    images = torch.fft.ifft2(kspace, norm="ortho")[:, rows, columns]
    maps = maps[:, rows, columns].contiguous()
    return torch.fft.fft2(maps * sense_combine(images, maps) if anew else images, norm="ortho"), maps


def _normalised(maps: Tensor) -> Tensor:
    norm = rss(maps)
    return torch.where(norm > _SUPPORT * norm.max(), maps / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0)


def _block(shape: tuple[int, int], block: tuple[int, int]) -> Tensor:
    """A mask (H, W) of so many rows and columns around the centre, shift-free."""
    rows, columns = (
        ((torch.arange(size) + count // 2) % size) < count for size, count in zip(shape, block, strict=True)
    )
    return rows[:, None] & columns
