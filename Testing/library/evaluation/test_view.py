"""Orientation, crop and zoom of figures."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mrienhance.errors import UsageError
from mrienhance.evaluation.view import bounding_box, choose_view, choose_zoom

# A head in LPS: a marker at the patient's right, front and top of a volume of 1 mm voxels.
SIZE = (20, 24, 28)
MARKER = (4, 5, 23)
ORIENTATIONS = ["LPS", "RAS", "LAS", "SPL", "AIR", "PSR", "IRP"]


def head(orientation):
    values = np.zeros(SIZE[::-1], np.float32)
    values[2:-2, 2:-2, 2:-2] = 1
    values[MARKER[::-1]] = 9
    return sitk.DICOMOrient(sitk.GetImageFromArray(values), orientation)


def object_of(image):
    return torch.from_numpy(sitk.GetArrayFromImage(image)) > 0


def marker_index(image, view):
    """Index, across the view's plane, of the slice that holds the marker."""
    k, j, i = np.argwhere(sitk.GetArrayFromImage(image) == 9)[0]
    return int((i, j, k)[view.axis])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("plane", "shape", "marker", "edges"),
    [
        # Right is left, front and top are up: rows from the front or from the top.
        ("axial", (24, 20), (5, 4), "RLAP"),
        ("coronal", (28, 20), (28 - 1 - 23, 4), "RLSI"),
        ("sagittal", (28, 24), (28 - 1 - 23, 5), "APSI"),
    ],
)
def test_every_storage_order_is_drawn_the_same(orientation, plane, shape, marker, edges):
    image = head(orientation)
    first = choose_view(image, object_of(image), plane=plane)
    view = choose_view(image, object_of(image), plane=plane, index=marker_index(image, first))
    drawn = view.slice(image)
    assert drawn.shape == shape
    assert tuple(np.argwhere(drawn.numpy() == 9)[0]) == marker
    assert "".join(view.edges) == edges


def test_tilted_slices_are_drawn_as_the_nearest_plane():
    image = head("LPS")
    angle = np.deg2rad(30)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    image.SetDirection(tuple(tilt.ravel()))
    view = choose_view(image, object_of(image), index=MARKER[2])
    assert view.plane == "axial"
    assert tuple(np.argwhere(view.slice(image).numpy() == 9)[0]) == (5, 4)


@pytest.mark.parametrize(
    ("orientation", "plane"), [("LPS", "axial"), ("RAI", "axial"), ("LIP", "coronal"), ("PIR", "sagittal")]
)
def test_default_plane_is_that_of_the_stored_slices(orientation, plane):
    image = head(orientation)
    view = choose_view(image, object_of(image))
    assert (view.plane, view.axis) == (plane, 2)


@pytest.mark.parametrize(("plane", "axis"), [("axial", 2), ("coronal", 1), ("sagittal", 0)])
def test_default_slice_holds_most_of_the_object(plane, axis):
    inside = torch.zeros(SIZE[::-1], dtype=torch.bool)
    inside[8:20, 6:18, 5:15] = True
    inside[17, 4:20, 5:15] = inside[8:20, 9, 3:17] = inside[8:20, 4:20, 11] = True
    assert choose_view(head("LPS"), inside, plane=plane).index == {2: 17, 1: 9, 0: 11}[axis]


@pytest.mark.parametrize(("plane", "aspect"), [("axial", 2 / 1), ("coronal", 5 / 1), ("sagittal", 5 / 2)])
@pytest.mark.parametrize("orientation", ["LPS", "SAR"])
def test_pixels_keep_their_proportions(orientation, plane, aspect):
    image = head("LPS")
    image.SetSpacing((1.0, 2.0, 5.0))
    image = sitk.DICOMOrient(image, orientation)
    assert choose_view(image, object_of(image), plane=plane).pixel_aspect(image) == pytest.approx(aspect)


def test_unknown_planes_and_slices_are_refused():
    image = head("LPS")
    with pytest.raises(UsageError, match="oblique"):
        choose_view(image, object_of(image), plane="oblique")
    for index in (-1, SIZE[2]):
        with pytest.raises(UsageError, match=f"slice {index} of {SIZE[2]}"):
            choose_view(image, object_of(image), index=index)


def test_bounding_box_holds_the_object_and_stays_inside():
    for rows, columns in itertools.product([slice(0, 3), slice(20, 60), slice(95, 100)], repeat=2):
        inside = torch.zeros(100, 100, dtype=torch.bool)
        inside[rows, columns] = True
        box = bounding_box(inside)
        part = inside[box.row : box.row + box.rows, box.column : box.column + box.columns]
        assert part.shape == (box.rows, box.columns)
        assert part.sum() == inside.sum()
        assert box.rows <= 40 + 2 * 6
    everything = bounding_box(torch.zeros(7, 9, dtype=torch.bool))
    assert (everything.row, everything.column, everything.rows, everything.columns) == (0, 0, 7, 9)


def test_zoom_finds_the_detail_inside_and_not_the_rim():
    image = torch.zeros(100, 80)
    image[10:90, 10:70] = 1
    inside = image > 0
    image[50:60, 40:50] += 0.2 * torch.rand(10, 10, generator=torch.Generator().manual_seed(0))
    zoom = choose_zoom(image, inside)
    assert (zoom.rows, zoom.columns) == (27, 22)
    assert zoom.row <= 50
    assert zoom.row + zoom.rows >= 60
    assert zoom.column <= 40
    assert zoom.column + zoom.columns >= 50
    assert inside[zoom.row : zoom.row + zoom.rows, zoom.column : zoom.column + zoom.columns].double().mean() > 0.97


def test_slices_too_small_are_not_enlarged():
    assert choose_zoom(torch.rand(20, 80), torch.ones(20, 80, dtype=torch.bool)) is None
