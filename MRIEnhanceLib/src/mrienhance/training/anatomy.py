"""Whole heads by their label maps: which tissue is where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mrienhance.errors import UsageError
from mrienhance.images import to_tensor
from mrienhance.physics.tissue import TISSUES
from mrienhance.training.volumes import read_axial

SOFT = "soft tissue"
"""Muscle and fat, which the label maps do not tell apart."""
NAMES = (*TISSUES, SOFT)
"""What the codes of an anatomy stand for; 0 is air."""

# Left and right, as FreeSurfer numbers them; from 500 on what lies around the brain, as in the maps of SynthSeg (their
# numbers come without names: these were found by place and shape).
_LABELS = {
    "air": (0,),
    "white matter": (2, 41, 137, 164),
    "cortex": (3, 42),
    "cerebrospinal fluid": (4, 43, 5, 44, 14, 15, 24, 72, 30, 62),
    "cerebellar white matter": (7, 46),
    "cerebellar cortex": (8, 47),
    "thalamus": (10, 49),
    "caudate": (11, 50),
    "putamen": (12, 51),
    "pallidum": (13, 52),
    "brainstem": (16,),
    "hippocampus": (17, 53),
    "amygdala": (18, 54),
    "lesion": (25, 57, 77),
    "accumbens": (26, 58),
    "ventral diencephalon": (28, 60),
    "choroid plexus": (31, 63, 136, 163),
    "optic pathway": (85, 530),
    "artery": (502,),
    "eye": (506,),
    SOFT: (507,),
    "muscle": (508,),
    "mucosa": (509,),
    "skin": (511,),
    "spinal cord": (512,),
    "vein": (514,),
    "cortical bone": (515,),
    "marrow": (516,),
}
_FLUID = "cerebrospinal fluid"
_OUTSIDE = ("eye", SOFT, "muscle", "mucosa", "skin", "cortical bone", "marrow", "vein", "artery", "air", "spinal cord")
_INSIDE = tuple(name for name in NAMES if name not in (*_OUTSIDE, "fat"))
_MARGIN = 4


def code(name: str) -> int:
    """The number of a tissue in an anatomy."""
    return NAMES.index(name)


def is_inside(*, fluid: bool = True) -> Tensor:
    """Which codes lie within the skull, bool (codes,): brain and, if asked for, its fluid."""
    return torch.tensor([name in _INSIDE and (fluid or name != _FLUID) for name in NAMES])


@dataclass(frozen=True)
class Anatomy:
    """A head, cut to its bounds.

    Attributes
    ----------
    codes
        uint8 (k, j, i): places in `NAMES`, in the order of axial LAS images.
    spacing
        Distance of samples along k, j and i in mm.
    counts
        float32 (codes,): voxels of each.
    """

    codes: Tensor
    spacing: tuple[float, float, float]
    counts: Tensor

    @classmethod
    def read(cls, path: Path) -> Anatomy:
        """Read a label map.

        Raises
        ------
        UsageError
            If it cannot be read, holds labels that are not known, or nothing but air.
        """
        image = read_axial(path)
        labels = to_tensor(image).round().numpy().astype(np.int32)
        found = np.unique(labels)
        known = {label: code(name) for name, values in _LABELS.items() for label in values}
        strange = [int(label) for label in found if int(label) not in known]
        if strange or found.max() == 0:
            what = f"label {strange[0]} of {path} is not known" if strange else f"{path} holds no label"
            raise UsageError(what, hint="give whole heads labelled as SynthSeg's training maps are")
        table = np.zeros(int(found.max()) + 1, np.uint8)
        for label in found:
            table[label] = known[int(label)]
        codes = torch.from_numpy(table[labels])
        for axis in range(3):
            filled = torch.nonzero((codes > 0).amax(tuple({0, 1, 2} - {axis})))
            low, high = max(int(filled.min()) - _MARGIN, 0), int(filled.max()) + _MARGIN + 1
            codes = codes.narrow(axis, low, min(high, codes.shape[axis]) - low)
        i, j, k = image.GetSpacing()
        counts = torch.bincount(codes.flatten(), minlength=len(NAMES)).float()
        return cls(codes.contiguous(), (k, j, i), counts)

    def slices(self, min_foreground: float) -> Tensor:
        """Numbers of the slices whose share of brain is at least so large, and not 0."""
        brain = is_inside(fluid=False)[self.codes.int()].float().mean((1, 2))
        return torch.nonzero((brain >= min_foreground) & (brain > 0)).flatten()
