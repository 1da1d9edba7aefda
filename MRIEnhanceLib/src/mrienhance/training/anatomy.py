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
SULCI = "subarachnoid space"
"""Fluid, with vessels and threads of tissue that the label maps leave out."""
NAMES = (*TISSUES, SOFT, SULCI)
"""What the codes of an anatomy stand for; 0 is air."""

# Left and right, as FreeSurfer numbers them; from 500 on what lies around the brain, as in the maps of SynthSeg (their
# numbers come without names: these were found by place and shape).
_LABELS = {
    "air": (0,),
    "white matter": (2, 41),
    "cortex": (3, 42),
    "cerebrospinal fluid": (4, 43, 5, 44, 14, 15, 72, 30, 62),
    SULCI: (24,),
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
    "choroid plexus": (31, 63, 136, 137, 163, 164),
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
SKULL = ("cortical bone", "marrow")
"""Bone around the brain."""
_OUTSIDE = ("air", "eye", SOFT, "fat", "muscle", "mucosa", "skin", *SKULL, "spinal cord", "artery", "vein", "dura")
_MARGIN = 4


def code(name: str) -> int:
    """The number of a tissue in an anatomy."""
    return NAMES.index(name)


def is_one_of(*names: str) -> Tensor:
    """Which codes are of some tissues, bool (codes,)."""
    return torch.tensor([name in names for name in NAMES])


def is_brain() -> Tensor:
    """Which codes are brain with its ventricles, bool (codes,)."""
    return ~is_one_of(*_OUTSIDE, SULCI)


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
        codes = _with_dura(torch.from_numpy(table[labels]))
        for axis in range(3):
            filled = torch.nonzero((codes > 0).amax(tuple({0, 1, 2} - {axis})))
            low, high = max(int(filled.min()) - _MARGIN, 0), int(filled.max()) + _MARGIN + 1
            codes = codes.narrow(axis, low, min(high, codes.shape[axis]) - low)
        i, j, k = image.GetSpacing()
        counts = torch.bincount(codes.flatten(), minlength=len(NAMES)).float()
        return cls(codes.contiguous(), (k, j, i), counts)

    def slices(self, min_foreground: float) -> Tensor:
        """Numbers of the slices whose share of brain is at least so large, and not 0."""
        brain = is_brain()[self.codes.int()].float().mean((1, 2))
        return torch.nonzero((brain >= min_foreground) & (brain > 0)).flatten()


def _with_dura(codes: Tensor) -> Tensor:
    """The codes, with dura where the fluid around the brain meets bone."""
    bone = is_one_of(*SKULL)[codes.int()]
    beside = torch.zeros_like(bone)
    for axis in range(3):
        for step in (-1, 1):
            beside |= bone.roll(step, axis)
    return torch.where(beside & (codes == code(SULCI)), code("dura"), codes)
