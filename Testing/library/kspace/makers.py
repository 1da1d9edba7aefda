"""Small files of every format, with the names, shapes and attributes of real ones."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import ismrmrd
import numpy as np
import pytest

PERSON = "Doe^Jane"
BOTH = (-2, -1)


def to_images(kspace: np.ndarray, axes: Sequence[int] = BOTH) -> np.ndarray:
    """The centred orthonormal inverse transform, as fastMRI's ifft2c."""
    shifted = np.fft.ifftshift(kspace, axes=axes)
    return np.fft.fftshift(np.fft.ifftn(shifted, axes=axes, norm="ortho"), axes=axes)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def rss(images: np.ndarray) -> np.ndarray:
    return np.sqrt((np.abs(images) ** 2).sum(axis=1))


@dataclass
class Header:
    """An ISMRMRD header; sizes along x (readout), y and z."""

    encoded: tuple[int, int, int] = (24, 16, 1)
    recon: tuple[int, int, int] = (12, 16, 1)
    encoded_fov: tuple[float, float, float] = (48.0, 40.0, 5.0)
    recon_fov: tuple[float, float, float] = (24.0, 40.0, 5.0)
    limits: dict[str, tuple[int, int, int | None]] = field(default_factory=dict)
    trajectory: str = "cartesian"
    calibration_mode: str = ""
    encodings: int = 1
    echo_times: tuple[float, ...] = (80.0,)

    def xml(self) -> str:
        def space(name: str, matrix: Sequence[int], fov: Sequence[float]) -> str:
            sizes, lengths = (
                "".join(f"<{axis}>{value}</{axis}>" for axis, value in zip("xyz", values, strict=True))
                for values in (matrix, fov)
            )
            return f"<{name}><matrixSize>{sizes}</matrixSize><fieldOfView_mm>{lengths}</fieldOfView_mm></{name}>"

        limits = {"kspace_encoding_step_1": (0, self.encoded[1] - 1, self.encoded[1] // 2), **self.limits}
        entries = "".join(
            f"<{name}><minimum>{low}</minimum><maximum>{high}</maximum>"
            + (f"<center>{center}</center>" if center is not None else "")
            + f"</{name}>"
            for name, (low, high, center) in limits.items()
        )
        parallel = (
            "<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>"
            "<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>"
            f"<calibrationMode>{self.calibration_mode}</calibrationMode></parallelImaging>"
            if self.calibration_mode
            else ""
        )
        encoding = (
            f"<encoding>{space('encodedSpace', self.encoded, self.encoded_fov)}"
            f"{space('reconSpace', self.recon, self.recon_fov)}<encodingLimits>{entries}</encodingLimits>"
            f"<trajectory>{self.trajectory}</trajectory>{parallel}</encoding>"
        )
        echoes = "".join(f"<TE>{time}</TE>" for time in self.echo_times)
        return (
            '<?xml version="1.0" encoding="utf-8"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
            f"<subjectInformation><patientName>{PERSON}</patientName></subjectInformation>"
            "<measurementInformation><patientPosition>HFS</patientPosition>"
            f"<protocolName>{PERSON} t2</protocolName></measurementInformation>"
            "<acquisitionSystemInformation><systemFieldStrength_T>2.8936</systemFieldStrength_T>"
            f"<institutionName>{PERSON}</institutionName></acquisitionSystemInformation>"
            "<experimentalConditions><H1resonanceFrequency_Hz>123194105</H1resonanceFrequency_Hz>"
            f"</experimentalConditions>{encoding * self.encodings}"
            f"<sequenceParameters><TR>6000</TR>{echoes}<flipAngle_deg>150</flipAngle_deg></sequenceParameters>"
            "</ismrmrdHeader>"
        )


def fastmri_header(height: int, width: int, recon: tuple[int, int], lines: int | None = None) -> Header:
    """Square voxels of 0.5 mm, as large as the matrix is; `lines` acquired ones, the rest is padding."""
    lines = lines or width
    return Header(
        encoded=(height, width, 1),
        recon=(*recon, 1),
        encoded_fov=(height / 2, width / 2, 7.5),
        recon_fov=(recon[0] / 2, recon[1] / 2, 5.0),
        limits={"kspace_encoding_step_1": (0, lines - 1, lines // 2)},
    )


def write_fastmri(
    path: Path,
    kspace: np.ndarray,
    *,
    recon: tuple[int, int] = (16, 16),
    reference: bool = True,
    mask: np.ndarray | None = None,
    header: Header | None = None,
    acquisition: str = "AXT2",
    **options: Any,
) -> Path:
    """A file as fastMRI's; `kspace` (slice, coil, H, W), or (slice, H, W) of one coil. Reconstructs by NumPy alone."""
    height, width = kspace.shape[-2:]
    header = header or fastmri_header(height, width, recon)
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", data=kspace, **options)
        file.create_dataset("ismrmrd_header", data=header.xml())
        if reference:
            images = to_images(kspace if kspace.ndim == 4 else kspace[:, None])
            top, left = (height - recon[0]) // 2, (width - recon[1]) // 2
            combined = rss(images)[:, top : top + recon[0], left : left + recon[1]].astype(np.float32)
            file["reconstruction_rss"] = combined if kspace.ndim == 4 else combined * 0.5
            if kspace.ndim == 3:
                file["reconstruction_esc"] = combined
            file.attrs["max"], file.attrs["norm"] = combined.max(), np.linalg.norm(combined)
        if mask is not None:
            file["mask"] = mask
        file.attrs["acquisition"] = acquisition
        file.attrs["patient_id"] = PERSON
    return path


def acquisition(
    data: np.ndarray,
    *,
    ky: int = 0,
    kz: int = 0,
    flags: Iterable[int] = (),
    center: int | None = None,
    position: Sequence[float] = (0.0, 0.0, 0.0),
    axes: np.ndarray | None = None,
    discard: tuple[int, int] = (0, 0),
    encoding: int = 0,
    **counters: int,
) -> ismrmrd.Acquisition:
    """One readout (coil, sample); `axes` has the columns read_dir, phase_dir, slice_dir."""
    result = ismrmrd.Acquisition.from_array(np.ascontiguousarray(data, dtype=np.complex64))
    result.center_sample = data.shape[1] // 2 if center is None else center
    result.discard_pre, result.discard_post = discard
    result.encoding_space_ref = encoding
    directions = (np.eye(3) if axes is None else axes).T
    for name, direction in zip(("read_dir", "phase_dir", "slice_dir"), directions, strict=True):
        getattr(result, name)[:] = list(direction)
    result.position[:] = list(position)
    for flag in flags:
        result.setFlag(flag)
    result.idx.kspace_encode_step_1, result.idx.kspace_encode_step_2 = ky, kz
    for name, value in counters.items():
        setattr(result.idx, name, value)
    return result


def readouts(kspace: np.ndarray, *, thickness: float = 5.0, **options: Any) -> list[ismrmrd.Acquisition]:
    """All lines of (slice, coil, ky, kx), slices one after another along z."""
    options = {"position": None, **options}
    place = options.pop("position")
    return [
        acquisition(
            kspace[number, :, line],
            ky=line,
            slice=number,
            position=(0, 0, number * thickness) if place is None else place,
            **options,
        )
        for number in range(kspace.shape[0])
        for line in range(kspace.shape[2])
        if kspace[number, :, line].any()
    ]


def write_mrd(path: Path, header: Header, acquisitions: Sequence[ismrmrd.Acquisition], group: str = "dataset") -> Path:
    """A file written by the ismrmrd library, its header checked against the schema's classes on the way."""
    with ismrmrd.File(path, mode="a") as file:
        file[group].header = ismrmrd.xsd.CreateFromDocument(header.xml())
        file[group].acquisitions = acquisitions
    return path


def write_cfl(base: Path, array: np.ndarray, *, dimensions: Sequence[int] | None = None) -> Path:
    """A BART pair of an array in BART's order (first dimension fastest)."""
    sizes = list(dimensions or array.shape)
    Path(f"{base}.hdr").write_text("# Dimensions\n" + " ".join(map(str, sizes + [1] * (16 - len(sizes)))) + "\n")
    Path(f"{base}.cfl").write_bytes(array.astype("<c8").tobytes(order="F"))
    return Path(f"{base}.cfl")


def bart(*arguments: object, folder: Path) -> str:
    """Run BART; a test that compares with it fails where it is missing."""
    program = shutil.which("bart")
    if program is None:
        pytest.fail("BART is missing, with which this test compares: apt-get install bart")
    done = subprocess.run(
        [program, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bart_array(base: Path) -> np.ndarray:
    """Read a BART pair in BART's order, by its description alone."""
    sizes = [int(word) for word in Path(f"{base}.hdr").read_text().splitlines()[1].split()]
    return np.fromfile(f"{base}.cfl", dtype=np.complex64).reshape(sizes, order="F")
