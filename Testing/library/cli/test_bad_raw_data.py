"""Raw data that cannot be reconstructed, as somebody meets them at the terminal: one line and a hint each."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cli.terminal import Terminal
from kspace.makers import Header, fastmri_header, readouts, write_cfl, write_fastmri, write_mrd
from tasks.scans import SIZE, scan

QUIET = ("-o", "out.nii", "--device", "cpu", "--progress", "none", "--model", "cg-sense")
BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>'


def full() -> np.ndarray:
    return scan(acceleration=1).samples.numpy()


def lines(every: int, centre: int) -> str:
    """Every so manieth line, and central ones."""
    mask = np.arange(SIZE[1]) % every == 0
    mask[SIZE[1] // 2 - centre // 2 : SIZE[1] // 2 - centre // 2 + centre] = True
    np.save("lines.npy", full() * mask)
    return "lines.npy"


def saved(samples: np.ndarray) -> str:
    np.save("scan.npy", samples)
    return "scan.npy"


def one_slice(value: complex) -> str:
    samples = full()
    samples[1] = value
    return saved(samples)


def beside(name: str, mask: np.ndarray) -> str:
    np.save("mask.npy", mask)
    return f"{name} --mask mask.npy"


def fastmri(**options: np.ndarray) -> str:
    return write_fastmri(Path("scan.h5"), full(), **options).name


def cut() -> str:
    path = Path(fastmri())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path.name


def linked() -> str:
    with h5py.File("link.h5", "w") as file:
        file["kspace"] = h5py.ExternalLink(fastmri(), "/kspace")
    return "link.h5"


def virtual() -> str:
    layout = h5py.VirtualLayout(shape=full().shape, dtype=np.complex64)
    layout[...] = h5py.VirtualSource(fastmri(), "kspace", shape=full().shape)
    with h5py.File("virtual.h5", "w") as file:
        file.create_virtual_dataset("kspace", layout)
    return "virtual.h5"


def with_dtd() -> str:
    declaration, body = fastmri_header(*SIZE, (16, 16)).xml().split("?>", 1)
    with h5py.File(fastmri(), "a") as file:
        del file["ismrmrd_header"]
        file["ismrmrd_header"] = f"{declaration}?>{BOMB}{body}"
    return "scan.h5"


def half(kept: str) -> str:
    write_cfl(Path("pair"), full().transpose(3, 2, 1, 0)[:, :, None].reshape(*SIZE[::-1], 1, 6, *[1] * 9, 2))
    for suffix in {".cfl", ".hdr"} - {kept}:
        Path(f"pair{suffix}").unlink()
    return f"pair{kept}"


def trajectory(name: str) -> str:
    header = Header(encoded=(*SIZE[::-1], 1), recon=(*SIZE[::-1], 1), trajectory=name)
    return write_mrd(Path("scan.h5"), header, readouts(full())).name


BAD: dict[str, tuple[Callable[[], str], int, str, str]] = {
    "no calibration lines": (lambda: lines(2, 1), 1, "no calibration lines", "a calibration scan"),
    "few calibration lines": (lambda: lines(2, 3), 1, "48 x 5, 6 x 6 are needed", "low-resolution coil maps do"),
    "mask of another size": (lambda: beside(saved(full()), np.ones(31)), 1, "(31,) does not fit", "(48, 40)"),
    "mask turned": (lambda: beside(saved(full()), np.ones((40, 48))), 1, "(40, 48) does not", "turned"),
    "mask of more slices": (lambda: beside(saved(full()), np.ones((3, *SIZE))), 1, "does not fit 2 slice", "(48, 40)"),
    "mask in the file": (lambda: fastmri(mask=np.ones(17, bool)), 1, "the mask in scan.h5 of shape (17,)", "40"),
    "coils last": (lambda: saved(full().transpose(0, 2, 3, 1)), 1, "48 coils of 40 x 6", "coil,ky,kx"),
    "wrong hint": (lambda: f"{saved(full())} --axes ky,kx,coil,slice", 1, "48 coils of 2 x 6", "coil,ky,kx"),
    "hint too short": (lambda: f"{saved(full())} --axes coil,ky,kx", 1, "name 3 axes", "coil,ky,kx"),
    "hint of no axes": (lambda: f"{saved(full())} --axes coils,ky,kx", 2, "'coils,ky,kx'", "slice,coil,kz,ky,kx"),
    "a slice of zeros": (lambda: one_slice(0), 1, "only zeros in slice 1 of 0 to 1", "other slices"),
    "all zeros": (lambda: saved(full() * 0), 1, "holds only zeros", "export"),
    "NaN": (lambda: one_slice(np.nan), 1, "slice 1 of scan.npy holds samples that are NaN", "export"),
    "truncated HDF5": (cut, 1, "scan.h5 is truncated", "copy it again"),
    "external link": (linked, 1, "external link", "trust"),
    "virtual dataset": (virtual, 1, "virtual dataset", "trust"),
    "DTD": (with_dtd, 1, "document type (DTD)", "trust"),
    "data without header": (lambda: half(".cfl"), 1, "pair.cfl lacks its other half pair.hdr", "both files"),
    "header without data": (lambda: half(".hdr"), 1, "pair.hdr lacks its other half pair.cfl", "both files"),
    "radial": (lambda: trajectory("radial"), 1, "'radial', not Cartesian", "Cartesian"),
    "spiral": (lambda: trajectory("spiral"), 1, "'spiral', not Cartesian", "Cartesian"),
}


@pytest.mark.parametrize(("make", "code", "said", "hinted"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_said_in_a_line(
    terminal: Terminal, make: Callable[[], str], code: int, said: str, hinted: str
) -> None:
    message, hint = terminal.refused(["reconstruct", *make().split(), *QUIET], code=code)
    assert said in message
    assert hinted in hint
    assert not Path("out.nii").exists()
