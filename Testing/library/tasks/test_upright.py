"""Networks of slices with a reference see axial slices the right way up, however the file has them."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from inference.toys import Toy, ToyConfig
from mrienhance.images import Grid
from mrienhance.methods import Tiling
from mrienhance.models import Model
from mrienhance.tasks.super_resolve import super_resolve
from mrienhance.tasks.upright import Upright
from tasks.references import box, card_of, field, repeating
from tasks.samples import voxels

AXIAL = ["".join(letters) for letters in product("LR", "AP", "SI")] + ["ALS", "PRI"]
CARD = card_of(reference_contrasts=("T1w",), reference_required=True)


class Ramps(nn.Module):
    """Numbers rows and columns, whatever it sees."""

    def forward(self, image: Tensor, reference: Tensor | None = None) -> Tensor:
        """10,000 a row and 1 a column, on the fine grid."""
        rows, columns = (torch.arange(2.0 * size) for size in image.shape[-2:])
        return (10_000 * rows[:, None] + columns).expand(len(image), 1, -1, -1).clone()


class RampsMethod(Toy):
    """Runs `Ramps`."""

    def __init__(self) -> None:
        super().__init__(Ramps, Tiling(ndim=2, scale=2))

    def reference(self, config: Any) -> Any:
        """Always there."""
        return "required"


def oriented(letters: str) -> sitk.Image:
    """A head whose file runs along other axes; its first voxel stays in place, as a scanner's sample 0 would."""
    turned: sitk.Image = sitk.DICOMOrient(field(box((12, 14, 6), (2.0, 2.0, 2.0), np.eye(3).ravel())), letters)
    return turned


@pytest.mark.parametrize("letters", AXIAL)
def test_rows_run_from_back_to_front_and_columns_to_the_left(letters: str):
    """Oracle: the place in space. LPS: to the left is +x, to the front is -y. Sample 0 is left out: it is periodic."""
    image = oriented(letters)
    model = Model("toy", RampsMethod(), ToyConfig(), CARD, Ramps(), "0" * 64, Path("toy.safetensors"))
    fine = super_resolve(image, model=model, reference=image, register=False, consistency=False, device="cpu").image
    level = float(np.percentile(voxels(image), 99.9))
    i = np.arange(1, fine.GetSize()[0])[None, :]
    j = np.arange(1, fine.GetSize()[1])[:, None]
    numbers = voxels(fine)[3][1:, 1:] / level
    grid = Grid.of(fine)
    places = grid.points(np.stack(np.broadcast_arrays(i, j, np.full_like(i + j, 3)), axis=-1))
    rows, columns = np.round(numbers / 10_000), np.round(numbers % 10_000)
    for found, along in ((rows, -places[..., 1]), (columns, places[..., 0])):
        assert np.allclose(found - found.min(), along - along.min(), atol=1e-3)


@pytest.mark.parametrize("kept", ["sample", "edge"])
@pytest.mark.parametrize("letters", AXIAL)
def test_what_was_turned_comes_back_and_both_grids_stay_aligned(letters: str, kept: Any):
    degradation = {"sample": "k-space", "edge": "blur"}[kept]
    grid = Grid.of(oriented(letters))
    upright = Upright.of(grid, card_of(reference_contrasts=("T1w",), degradation=degradation))
    coarse = torch.rand(grid.shape)
    fine = torch.rand([n * f for n, f in zip(grid.shape, (1, 2, 2), strict=True)])
    assert torch.equal(upright.undo(upright.apply(coarse)), coarse)
    if kept == "sample":
        fine[:, ::2, ::2] = coarse
        assert torch.equal(upright.apply(fine)[:, ::2, ::2], upright.apply(coarse))
    else:
        fine = coarse.repeat_interleave(2, 1).repeat_interleave(2, 2)
        turned = upright.apply(coarse)
        assert torch.equal(upright.apply(fine), turned.repeat_interleave(2, 1).repeat_interleave(2, 2))


def test_others_are_left_as_they_are():
    lps = Grid.of(oriented("LPS"))
    for card in (card_of(), card_of(axes="3d", reference_contrasts=("T1w",))):
        assert Upright.of(lps, card) == Upright()
    assert Upright.of(Grid.of(oriented("LAS")), CARD) == Upright(kept="sample")


def test_slices_that_are_not_axial_are_left_and_warned_of():
    sagittal = Upright.of(Grid.of(oriented("PSL")), CARD)
    assert (sagittal.exchanged, sagittal.mirrored) == (False, ())
    assert sagittal.warnings == ("the slices of this image are sagittal: toy was made for axial ones",)
    image = oriented("PSL")
    made = super_resolve(image, model=repeating("required"), reference=image, register=False, device="cpu")
    assert sagittal.warnings[0] in made.report.warnings
