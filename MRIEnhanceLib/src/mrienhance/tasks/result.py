"""What a task gives back: the image, its maps, and a report that says how it came to be."""

from __future__ import annotations

import hashlib
import json
import platform
import struct
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk
import torch

from mrienhance._version import __version__

if TYPE_CHECKING:
    from mrienhance.models import Model
    from mrienhance.tasks.classical import Classical
    from mrienhance.tasks.reconstruction_record import KSpaceRecord, ReconstructionRecord
    from mrienhance.tasks.reference import ReferenceRecord
    from mrienhance.tasks.synthesis_record import SynthesisRecord

DISCLAIMER = "For research, not for diagnosis."


@dataclass(frozen=True, kw_only=True)
class ImageRecord:
    """An image by its content: enough to recognise it again, nothing that names a person.

    Parameters
    ----------
    role
        What the image was to the task, such as ``"image"``, ``"reference"`` or ``"result"``.
    sha256
        Hash of voxels and geometry, see `image_hash`.
    voxels_sha256
        Hash of the voxels alone, which stays the same in any file format that keeps the pixel type.
    size
        Voxels along i, j and k.
    spacing_mm
        Voxel spacing along i, j and k.
    pixel_type
        SimpleITK's name of the pixel type.
    """

    role: str
    sha256: str
    voxels_sha256: str
    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    pixel_type: str

    @classmethod
    def of(cls, image: sitk.Image, *, role: str) -> ImageRecord:
        """Record `image` in its `role`."""
        voxels = voxel_hash(image)
        return cls(
            role=role,
            sha256=_placed_hash(voxels, image),
            voxels_sha256=voxels,
            size=tuple(image.GetSize()),
            spacing_mm=tuple(image.GetSpacing()),
            pixel_type=image.GetPixelIDTypeAsString(),
        )


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """Which model did the work: its name and version, its method and that one's title, and the hash of its file.

    A classical reconstruction, which has no file, has no hash, and the library's version.
    """

    name: str
    version: str
    method: str
    title: str
    sha256: str | None

    @classmethod
    def of(cls, model: Model) -> ModelRecord:
        """Record `model`."""
        method = model.method
        return cls(
            name=model.name, version=model.card.version, method=method.name, title=method.title, sha256=model.sha256
        )

    @classmethod
    def of_classical(cls, method: Classical) -> ModelRecord:
        """Record a reconstruction that learned nothing."""
        return cls(name=method.name, version=__version__, method=method.name, title=method.title, sha256=None)


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a result came to be.

    Parameters
    ----------
    task
        Name of the task, such as ``"super-resolve"``.
    model
        The model that did the work.
    inputs
        One record an input image, or of raw data.
    output
        Record of the result, so that a report found later can be matched with its file.
    scale
        Super-resolution factor, or None for tasks without one.
    consistency
        Whether the measured data were put back into the result (hard data consistency).
    consistency_residual
        ``||A x - y|| / ||y||`` of the result x as delivered, the input y and the degradation A; None without an A.
    device, precision, tile, fallbacks
        Where and how the network ran, and what was given up when memory was short.
    seconds, seconds_network
        Time of the whole task and of the network within it.
    peak_memory_bytes
        Peak memory as the predictor measured it, or None.
    warnings
        What the user should know before trusting the result.
    reconstruction
        What there is to know of a reconstruction from raw data; None for other tasks.
    synthesis
        What there is to know of a synthetic image; None for other tasks.
    reference
        How a reference was used to super-resolve; None without one.
    versions
        Versions of Python and of the libraries that took part.
    created
        Date and time in UTC, ISO 8601.
    disclaimer
        Always ``"For research, not for diagnosis."``.
    """

    task: str
    model: ModelRecord
    inputs: tuple[ImageRecord | KSpaceRecord, ...]
    output: ImageRecord
    scale: int | None
    consistency: bool
    consistency_residual: float | None
    device: str
    precision: str
    tile: int | None
    fallbacks: tuple[str, ...]
    seconds: float
    seconds_network: float
    peak_memory_bytes: int | None
    warnings: tuple[str, ...]
    reconstruction: ReconstructionRecord | None = None
    synthesis: SynthesisRecord | None = None
    reference: ReferenceRecord | None = None
    versions: dict[str, str] = field(default_factory=lambda: versions())
    created: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    disclaimer: str = DISCLAIMER

    def to_dict(self) -> dict[str, Any]:
        """The report as plain dictionaries, tuples, strings and numbers."""
        return asdict(self)

    def to_json(self) -> str:
        """The report as JSON text, indented, ending in a line break."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Result:
    """What every task returns.

    Parameters
    ----------
    image
        The result, on its own grid.
    maps
        Further images by name, such as the artifact-free ``"reconstruction"``.
    report
        How the result came to be.
    """

    image: sitk.Image
    maps: dict[str, sitk.Image]
    report: Report


def voxel_hash(image: sitk.Image) -> str:
    """SHA-256 of an image's voxels, size and pixel type, as 64 hexadecimal digits."""
    head = f"{image.GetPixelIDTypeAsString()};{image.GetNumberOfComponentsPerPixel()};{image.GetSize()};"
    digest = hashlib.sha256(head.encode())
    digest.update(np.ascontiguousarray(sitk.GetArrayViewFromImage(image)).data)
    return digest.hexdigest()


def image_hash(image: sitk.Image) -> str:
    """SHA-256 of an image's voxels, size, pixel type and geometry, as 64 hexadecimal digits.

    Compression and metadata do not matter; a moved or re-scaled image is another image. So may be a copy in a
    file, which rounds the geometry (NIfTI to single precision); `voxel_hash` knows it again.
    """
    return _placed_hash(voxel_hash(image), image)


def _placed_hash(voxels: str, image: sitk.Image) -> str:
    """Hash of the voxels' hash and the geometry: large images are read once for both."""
    geometry = (*image.GetSpacing(), *image.GetOrigin(), *image.GetDirection())
    return hashlib.sha256(voxels.encode() + struct.pack(f"<{len(geometry)}d", *geometry)).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape a result."""
    return {
        "mrienhance": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "SimpleITK": sitk.Version.VersionString(),
    }
