"""Coil maps that were estimated once: kept beside the prepared data set and mapped into memory from then on."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mrienhance.errors import OutputError
from mrienhance.images import atomic_path

_NAME = "maps"
_LETTERS = 16


@dataclass(frozen=True)
class MapCache:
    """The maps of one scan, a file for each slice that was asked for: ``maps/<key>/<number>.raw``.

    They are kept in half precision, in which they err by less than any estimate of them does. What `get` gives is so
    rounded from the first time on, so that it does not depend on who asked before.

    Attributes
    ----------
    folder
        The prepared data set's.
    key
        Hexadecimal; stands for the raw data and for how maps are estimated.
    """

    folder: Path
    key: str

    def get(self, number: int, shape: tuple[int, ...], estimate: Callable[[], Tensor]) -> Tensor:
        """Maps of a slice, complex64 (coil, H, W), from the file or from `estimate`.

        Where the folder cannot be written, they are estimated each time.
        """
        path = self.folder / _NAME / self.key[:_LETTERS] / f"{number:04d}.raw"
        count = 2 * math.prod(shape)
        if path.is_file() and path.stat().st_size == count * torch.float16.itemsize:
            parts = torch.from_file(str(path), shared=False, size=count, dtype=torch.float16)
        else:
            parts = torch.view_as_real(estimate()).flatten().half()
            self._keep(path, parts)
        return torch.view_as_complex(parts.float().view(*shape, 2))

    def _keep(self, path: Path, parts: Tensor) -> None:
        with contextlib.suppress(OSError, OutputError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path, overwrite=True) as temporary:
                parts.numpy().astype("<f2").tofile(temporary)
