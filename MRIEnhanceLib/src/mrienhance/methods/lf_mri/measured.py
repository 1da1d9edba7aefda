"""Measured slices of raw k-space, as LF-MRI learns from them and is judged by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mrienhance.methods.lf_mri.scans import UNKNOWN, label
from mrienhance.methods.objective import Batch


def measured_batch(image: Mapping[str, Tensor]) -> Batch:
    """A measured slice, accelerated by its mask: as it is, neither deformed nor cut.

    Parameters
    ----------
    image
        What `Objective.measured` promises.
    """
    full, mask = image["kspace"][None], image["mask"][None]
    lesions, known = image.get("lesions", torch.zeros_like(image["mask"])), label(image.get("lesions")).to(mask)
    return {
        "kspace": full * mask[:, None],
        "full": full,
        "maps": image["maps"][None],
        "mask": mask,
        "target": image["target"][None],
        "lesions": lesions[None],
        "places": torch.full_like(mask, UNKNOWN) if known != 0 else torch.zeros_like(mask),
        "label": known,
    }


def alike(parts: Sequence[Batch]) -> list[Batch]:
    """Give parts of a batch the same number of coils, and masks of two axes.

    Coils without signal and without sensitivity change no image: they add nothing to ``A^H Y`` nor to ``A^H A``.
    """
    coils = max(part["maps"].shape[1] for part in parts)
    return [
        part
        | {name: _with_coils(part[name], coils) for name in ("kspace", "full", "maps")}
        | {"mask": part["mask"].expand(part["target"].shape)}
        for part in parts
    ]


def _with_coils(data: Tensor, coils: int) -> Tensor:
    missing = coils - data.shape[1]
    return torch.cat([data, data.new_zeros(len(data), missing, *data.shape[2:])], 1) if missing else data


def windowed(image: Tensor, batch: Batch) -> Tensor:
    """What belongs to the image proper (..., h, w) of an image of the full field of view (..., H, W)."""
    if "window" not in batch:
        return image
    top, left, rows, columns = batch["window"].tolist()
    return image[..., top : top + rows, left : left + columns]
