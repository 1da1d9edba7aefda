"""Fit the Gaussians of NIQE to real slices: python Testing/benchmarks/fit_niqe.py DATA

DATA holds `t1_brain`, `ms_1mm` and `ms_native`. Subjects that models are tested on are left out: sub-23 to sub-26 of
t1_brain and patient19 of ms_1mm. Of the others of t1_brain, nine stand for all: the other contrasts have three scans
at most. The fits go into the library, with a line for each contrast on what they are made of.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

import mrienhance.evaluation
from mrienhance.evaluation.niqe import SceneFit, features_of
from mrienhance.images import IntensityScale, read_image, to_tensor

OUT = Path(mrienhance.evaluation.__file__).with_name("niqe_fits.npz")
HELD_OUT = {f"sub-{number}" for number in (23, 24, 25, 26)} | {"patient19"}
NAMES = {"T1w": "t1", "T1c": "t1c", "T2w": "t2", "FLAIR": "flair"}
# As in the paper: only the patches that are nearly as sharp as the sharpest of their slice.
SHARPEST = 0.75
SLICES = 300  # of each contrast, as far as there are so many
MASK = 0.02


def scans(data: Path, contrast: str) -> list[Path]:
    found = [*data.glob(f"ms_*/*/{NAMES[contrast]}.nii.gz")]
    if contrast == "T1w":
        found += data.glob("t1_brain/sub-[01][02468]_T1w.nii.gz")
    return sorted(path for path in found if not HELD_OUT & {path.parent.name, path.name.split("_")[0]})


def axial(path: Path, most: int) -> torch.Tensor:
    """The slices of a scan, along the axis that is nearest to head-foot, that are not nearly empty."""
    volume = to_tensor(sitk.DICOMOrient(read_image(path), "LPS")).clamp_(min=0)
    volume /= IntensityScale.of(volume).scale
    full = volume[(volume > MASK).flatten(1).float().mean(1) > 0.05]
    return full[np.linspace(0, len(full) - 1, min(most, len(full))).round().astype(int)]


def main(data: Path) -> None:
    torch.set_num_threads(1)
    stored = {}
    for contrast in NAMES:
        paths = scans(data, contrast)
        patches = {"tissue": [], "frame": []}
        for path in paths:
            slices = axial(path, SLICES // len(paths))
            for region, mask in (("tissue", slices > MASK), ("frame", None)):
                patches[region] += features_of(slices, data_range=1.0, mask=mask, sharpest=SHARPEST)
        for region, parts in patches.items():
            features = torch.cat(parts)
            fit = SceneFit.of(features)
            stored |= {
                f"{contrast}.{region}.mean": fit.mean.numpy(),
                f"{contrast}.{region}.covariance": fit.covariance.numpy(),
            }
            print(f"{contrast} {region}: {len(features)} patches of {len(paths)} scans", flush=True)
    np.savez(OUT, **stored)
    print(f"{OUT.name}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
