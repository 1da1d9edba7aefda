"""Real scans that come with the package, for a first try and for tests; their source and licence are in README.md."""

from __future__ import annotations

from pathlib import Path

from mrienhance.errors import UsageError

SAMPLES = {"t1w_slab": "t1w_slab.nii.gz", "brain_8ch": "brain_8ch.npz"}
"""Name of a sample to its file in this folder."""


def sample_path(name: str) -> Path:
    """The file of a sample scan.

    Parameters
    ----------
    name
        One of `SAMPLES`. ``"t1w_slab"``: 24 axial slices of a T1w brain, 288 x 288 x 24 voxels of
        0.868 x 0.868 x 1 mm, int16. ``"brain_8ch"``: raw k-space of one brain slice, 8 coils x 230 x 180 samples,
        complex64, of which every eighth was acquired.

    Raises
    ------
    UsageError
        If there is no such sample.

    Examples
    --------
    >>> sample_path("t1w_slab").name
    't1w_slab.nii.gz'
    """
    if name not in SAMPLES:
        raise UsageError(f"there is no sample {name!r}", hint=f"choose one of {', '.join(sorted(SAMPLES))}")
    return Path(__file__).parent / SAMPLES[name]
