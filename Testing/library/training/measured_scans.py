"""Raw k-space of objects and coils that are known, in files as fastMRI and SKM-TEA have them; NumPy alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from kspace.makers import BOTH, write_fastmri

ROWS, COLUMNS, KEPT = 96, 56, 48
"""The readout is twice oversampled: the image has KEPT rows and columns."""


def to_kspace(images: np.ndarray) -> np.ndarray:
    """The centred orthonormal transform."""
    shifted = np.fft.ifftshift(images, axes=BOTH)
    return np.fft.fftshift(np.fft.fftn(shifted, axes=BOTH, norm="ortho"), axes=BOTH)


def object_slices(count: int, shape: Sequence[int], *, seed: int) -> np.ndarray:
    """Complex slices of ellipses with texture inside the middle KEPT rows and columns, of a smooth phase."""
    rng = np.random.default_rng(seed)
    rows, columns = (np.arange(size) - size // 2 for size in shape)
    y, x = np.meshgrid(2 * rows / KEPT, 2 * columns / KEPT, indexing="ij")
    slices = []
    for _ in range(count):
        image = 1.0 * (y**2 + x**2 < 0.7)
        for _ in range(5):
            centre, radius = rng.uniform(-0.5, 0.5, 2), rng.uniform(0.08, 0.3)
            image += rng.uniform(-0.4, 0.6) * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2) * (image > 0)
        slices.append(image * np.exp(1j * (0.5 * y - 0.8 * x + rng.uniform(0, 6))))
    return 3e-5 * np.stack(slices)


def known_maps(coils: int, shape: Sequence[int]) -> np.ndarray:
    """Smooth maps of norm 1 everywhere, (coil, H, W)."""
    rows, columns = (np.arange(size) - size // 2 for size in shape)
    y, x = np.meshgrid(2 * rows / KEPT, 2 * columns / KEPT, indexing="ij")
    angles = 2 * np.pi * np.arange(coils) / coils
    maps = np.stack(
        [np.exp(-0.4 * ((y - np.sin(a)) ** 2 + (x - np.cos(a)) ** 2) + 1j * (a + 0.3 * x * np.cos(a))) for a in angles]
    )
    return maps / np.sqrt((np.abs(maps) ** 2).sum(0))


def coil_images(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """What each coil sees, (slice, coil, H, W)."""
    return images[:, None] * maps


def fastmri(folder: Path, *, coils: Sequence[int] = (4, 4, 3), slices: int = 3, acquisition: str = "CORPD_FBK") -> Path:
    """A scan of each person with so many coils; a box on slice 1 of the first, the second read without findings."""
    for number, count in enumerate(coils):
        images = object_slices(slices, (ROWS, COLUMNS), seed=number)
        kspace = to_kspace(coil_images(images, known_maps(count, (ROWS, COLUMNS)))).astype(np.complex64)
        path = folder / "multicoil_train" / f"file100000{number}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_fastmri(path, kspace, recon=(KEPT, KEPT), acquisition=acquisition)
        with h5py.File(path, "a") as file:
            file.attrs["patient_id"] = f"person {number}"
    (folder / "Annotations").mkdir()
    (folder / "Annotations/knee.csv").write_text(
        "file,slice,study_level,x,y,width,height,label\nfile1000000,1,No,20,9,10,6,Meniscus Tear\n"
    )
    (folder / "Annotations/knee_file_list.csv").write_text("file1000000\nfile1000001\n")
    return folder


SKM_SHAPE, SKM_ACQUIRED = (4, 64, 40), (32, 20)
"""Slices, and the (ky, kz) planes in them, of which the middle was acquired."""


def skm_tea(folder: Path) -> Path:
    """Two scans of two people, the last slice of air."""
    for number in range(2):
        low = object_slices(SKM_SHAPE[0], SKM_SHAPE[1:], seed=number)
        low[-1] *= 1e-3
        maps = known_maps(8, SKM_SHAPE[1:])
        kspace = to_kspace(coil_images(low, maps))
        rows, columns = (
            np.abs(np.arange(size) - size // 2 + 0.5) < kept / 2
            for size, kept in zip(SKM_SHAPE[1:], SKM_ACQUIRED, strict=True)
        )
        kspace *= rows[:, None] & columns
        path = folder / "files_recon_calib-24" / f"MTR_{number + 1:03d}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            both = np.stack([kspace, 0.5 * kspace], -1)  # (x, coil, ky, kz, echo)
            file["kspace"] = np.moveaxis(both, 1, -1).astype(np.complex64)
            scaled = np.broadcast_to(2 * maps, (SKM_SHAPE[0], *maps.shape))
            file["maps"] = np.moveaxis(scaled, 1, -1)[..., None].astype(np.complex64)
            target = np.stack([low, 0.5 * low], -1)
            file["target"] = target[..., None].astype(np.complex64)
    return folder
