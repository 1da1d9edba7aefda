"""Registration: known turns and shifts of a head of ellipsoids and of the sample scan, and what is refused."""

import math

import numpy as np
import pytest
import SimpleITK as sitk

from images.makers import rotation
from mrienhance.data import sample_path
from mrienhance.errors import ImageError
from mrienhance.images import Grid, read_image, register
from mrienhance.images.rigid import angle_of, overlap

# Centre and semi-axes in mm of skull, brain, ventricles, nuclei, an eye; and what two contrasts show there.
ELLIPSOIDS = [
    ((0, 0, 0), (68, 85, 70), 0.9, 0.3),
    ((0, 2, 2), (62, 78, 64), 0.55, 0.5),
    ((14, 8, 10), (7, 26, 12), 0.15, 1.0),
    ((-14, 8, 10), (8, 24, 11), 0.15, 1.0),
    ((26, -20, -8), (12, 16, 10), 0.75, 0.35),
    ((-30, -30, 20), (10, 9, 18), 0.8, 0.3),
    ((5, 45, -30), (20, 14, 16), 0.7, 0.65),
    ((30, -62, -25), (11, 11, 11), 0.2, 0.95),
]
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
OBLIQUE = tuple((rotation((0.97, 0.1, -0.2, 0.1)) * [1, 1, -1]).ravel().tolist())


def grid(size, spacing, direction=AXIAL, centre=(0.0, 0.0, 0.0)):
    """A grid around a place."""
    half = np.reshape(direction, (3, 3)) @ (np.multiply(spacing, np.subtract(size, 1)) / 2)
    return Grid(size, spacing, tuple(np.subtract(centre, half).tolist()), direction)


FIXED = grid((64, 76, 62), (2.5, 2.5, 2.5))


def head(where, *, contrast=0, move=None, noise=0.02, seed=0, shapes=ELLIPSOIDS):
    """The head on a grid, 1000 = 1; `move` takes places in the head to those where they are seen."""
    samples = np.moveaxis(np.indices(where.shape)[::-1], 0, -1)
    places = where.points(samples)
    if move is not None:
        turn, around, shift = (np.array(part) for part in (move.GetMatrix(), move.GetCenter(), move.GetTranslation()))
        places = (places - around - shift) @ turn.reshape(3, 3) + around
    values = np.zeros(where.shape)
    for centre, axes, *shown in shapes:
        radius = np.sqrt((((places - centre) / axes) ** 2).sum(-1))
        edge = 1 / (1 + np.exp(np.clip((radius - 1) * min(axes) / 1.0, -40, 40)))  # about 2 mm of partial volume
        values += edge * (shown[contrast] - values)
    values = np.abs(values + noise * np.random.default_rng(seed).standard_normal(where.shape))
    image = sitk.GetImageFromArray((1000 * values).astype(np.float32))
    where.place(image)
    return image


def motion(degrees, shift, centre=(0.0, 0.0, 0.0)):
    move = sitk.Euler3DTransform()
    move.SetCenter(centre)
    move.SetRotation(*np.radians(degrees).tolist())
    move.SetTranslation(shift)
    return move


def errors(found, true):
    """Angle between two rigid transforms in degrees, and the largest distance in mm that they put a place apart."""
    cos = (np.trace(np.reshape(found.GetMatrix(), (3, 3)) @ np.reshape(true.GetMatrix(), (3, 3)).T) - 1) / 2
    corners = [(x, y, z) for x in (-50.0, 50.0) for y in (-50.0, 50.0) for z in (-50.0, 50.0)]
    apart = max(math.dist(found.TransformPoint(place), true.TransformPoint(place)) for place in corners)
    return math.degrees(math.acos(min(cos, 1.0))), apart


def by_header(image, move):
    """The image moved by its header alone: no voxel changes."""
    moved = sitk.Image(image)
    moved.SetOrigin(move.TransformPoint(image.GetOrigin()))
    turned = np.reshape(move.GetMatrix(), (3, 3)) @ np.reshape(image.GetDirection(), (3, 3))
    moved.SetDirection(turned.ravel().tolist())
    return moved


@pytest.fixture(scope="module")
def fixed():
    return head(FIXED)


MOTIONS = [
    ((0, 0, 0), (0, 0, 0)),
    ((1, -2, 1.5), (0.6, -0.7, 1.1)),
    ((-9, 6, 12), (12, -8, 15)),
    ((0, 24, 0), (0, 0, 35)),
]
GRIDS = [FIXED, grid((80, 60, 34), (2.2, 2.8, 4.0), OBLIQUE)]


@pytest.mark.parametrize("where", GRIDS, ids=["same grid", "oblique, thicker slices"])
@pytest.mark.parametrize(("degrees", "shift"), MOTIONS)
def test_known_motions_are_found_across_contrasts(fixed, where, degrees, shift):
    move = motion(degrees, shift)
    found = register(head(where, contrast=1, move=move, seed=1), fixed)
    angle, apart = errors(found.transform, move)
    assert angle < 0.2
    assert apart < 0.4  # millimetres, at voxels of 2.5
    assert found.angle_deg == pytest.approx(angle_of(move), abs=0.2)
    assert found.shift_mm == pytest.approx(np.linalg.norm(shift), abs=0.3)
    assert found.metric_after <= found.metric_before < 0
    assert found.start == "headers"
    assert Grid.of(found.image) == FIXED


def test_the_image_lands_on_the_head(fixed):
    """What comes out is what the fixed grid would have seen of the other contrast."""
    found = register(head(FIXED, contrast=1, move=motion((5, -4, 8), (6, 9, -7)), noise=0.0), fixed)
    seen, truth = (sitk.GetArrayFromImage(x) for x in (found.image, head(FIXED, contrast=1, noise=0.0)))
    inside = (slice(8, -8),) * 3
    before = sitk.GetArrayFromImage(head(FIXED, contrast=1, move=motion((5, -4, 8), (6, 9, -7)), noise=0.0))
    assert np.abs(seen - truth)[inside].mean() < 8
    assert np.abs(before - truth)[inside].mean() > 60


def test_real_slabs_are_found():
    """24 slices of a real scan, and the same elsewhere with inverted values."""
    slab = read_image(sample_path("t1w_slab"))
    values = sitk.GetArrayFromImage(slab).astype(np.float32)
    other = sitk.GetImageFromArray(np.where(values > 200, 6000 - np.minimum(values, 6000), 0))
    other.CopyInformation(slab)
    around = Grid.of(slab).points((np.array(slab.GetSize()) - 1) / 2)
    move = motion((2, -3, 4), (5, -6, 3), around.tolist())
    found = register(by_header(other, move), slab)
    places = around + np.array([[x, y, z] for x in (-60, 60) for y in (-60, 60) for z in (-10, 10)])
    apart = [math.dist(found.transform.TransformPoint(p), move.TransformPoint(p)) for p in places.tolist()]
    assert max(apart) < 0.2
    assert found.angle_deg == pytest.approx(angle_of(move), abs=0.1)


def test_moving_both_changes_nothing(fixed):
    moving, common = (
        head(FIXED, contrast=1, move=motion((3, 2, -4), (3, 5, -6)), seed=2),
        motion((20, -15, 70), (90, 0, -40)),
    )
    one, two = register(moving, fixed), register(by_header(moving, common), by_header(fixed, common))
    assert two.angle_deg == pytest.approx(one.angle_deg, abs=0.1)
    assert two.shift_mm == pytest.approx(one.shift_mm, abs=0.1)


def test_there_and_back_is_nowhere(fixed):
    moving = head(GRIDS[1], contrast=1, move=motion((4, -6, 3), (7, -3, 5)), seed=3)
    there, back = register(moving, fixed).transform, register(fixed, moving).transform
    places = [(x, y, z) for x in (-50.0, 50.0) for y in (-50.0, 50.0) for z in (-50.0, 50.0)]
    assert max(math.dist(back.TransformPoint(there.TransformPoint(place)), place) for place in places) < 0.5


def test_every_run_gives_the_same_however_many_threads(fixed):
    moving = head(FIXED, contrast=1, move=motion((3, 2, -4), (3, 5, -6)), seed=2)
    threads = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    try:
        results = []
        for number in (1, 1, 3):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(number)
            results.append(register(moving, fixed))
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
    first, second, third = results
    assert first.transform.GetParameters() == second.transform.GetParameters()
    np.testing.assert_allclose(third.transform.GetParameters(), first.transform.GetParameters(), atol=1e-6)
    assert first.metric_after == second.metric_after == pytest.approx(third.metric_after, abs=1e-9)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(first.image), sitk.GetArrayViewFromImage(second.image))


def test_images_that_are_nowhere_near_start_at_their_centres(fixed):
    move = motion((3, 0, -5), (700, -300, 4))
    found = register(by_header(head(FIXED, contrast=1, seed=4), move), fixed)
    assert found.start == "centres"
    assert errors(found.transform, move)[1] < 0.4
    assert found.overlap == pytest.approx(1.0, abs=0.1)


def test_a_part_of_the_head_is_enough(fixed):
    move = motion((4, -3, 5), (5, 4, -3))
    part = head(grid((64, 76, 16), (2.5, 2.5, 2.5), centre=(0, 0, 15)), contrast=1, move=move, seed=5)
    found = register(part, fixed)
    assert errors(found.transform, move)[1] < 0.9
    assert 0.15 < found.overlap < 0.3
    outside = sitk.GetArrayViewFromImage(found.image)[:12]
    assert np.abs(outside).max() == 0


def test_pixels_keep_their_type_and_range(fixed):
    moving = sitk.Cast(head(FIXED, contrast=1, move=motion((2, 0, 1), (1.3, 0, 0))), sitk.sitkUInt16)
    moving.SetMetaData("0028|1050", "40")
    found = register(moving, fixed).image
    assert found.GetPixelID() == sitk.sitkUInt16
    assert found.GetMetaData("0028|1050") == "40"
    assert sitk.GetArrayViewFromImage(found).max() <= sitk.GetArrayViewFromImage(moving).max()


def test_finer_images_are_smoothed_for_a_coarser_grid():
    """A pattern that the coarse grid cannot hold must vanish, not turn into another one."""
    fine, coarse = grid((150, 170, 70), (1.0, 1.0, 2.0)), grid((38, 43, 35), (4.0, 4.0, 4.0))
    moving = head(fine, contrast=1, noise=0.0)
    stripes = 300 * (-1.0) ** np.arange(150)[None, None, :]
    values = sitk.GetArrayFromImage(moving) + stripes * (sitk.GetArrayFromImage(moving) > 250)
    striped = sitk.GetImageFromArray(values.astype(np.float32))
    striped.CopyInformation(moving)
    found = register(striped, head(coarse))
    truth = sitk.GetArrayFromImage(head(coarse, contrast=1, noise=0.0))[8:-8, 8:-8, 8:-8]
    error = sitk.GetArrayFromImage(found.image)[8:-8, 8:-8, 8:-8] - truth
    assert np.sqrt((error**2).mean()) < 60


def test_progress_rises_to_one_and_a_stop_is_passed_on(fixed):
    moving, told = head(FIXED, contrast=1, move=motion((2, 0, 1), (3, 0, 0))), []
    register(moving, fixed, step=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 20

    class Stopped(Exception):
        pass

    def stop(fraction):
        if fraction > 0.3:
            raise Stopped(f"at {fraction:.1f}")

    with pytest.raises(Stopped, match=r"at 0\.[345]"):
        register(moving, fixed, step=stop)


def test_what_cannot_be_true_is_refused(fixed):
    noise = sitk.GetImageFromArray(np.random.default_rng(0).random(FIXED.shape).astype(np.float32))
    FIXED.place(noise)
    with pytest.raises(ImageError, match=r"the FLAIR cannot be registered: .* only 0\.0") as refusal:
        register(noise, fixed, what="FLAIR")
    assert "same head" in refusal.value.hint
    with pytest.raises(ImageError, match=r"turn by \d+ degrees"):
        register(head(FIXED, contrast=1, move=motion((35, 0, 0), (0, 0, 0))), fixed)


@pytest.mark.parametrize("which", ["moving", "fixed"])
def test_images_that_cannot_be_used_are_refused(fixed, which):
    thin = head(grid((64, 76, 3), (2.5, 2.5, 5.0)))
    flat = sitk.Image([8, 8, 8], sitk.sitkInt16)
    for bad, why in ((thin, "too thin to register: its size is 64 x 76 x 3"), (flat, "constant")):
        images = {"moving": fixed, "fixed": fixed, which: bad}
        with pytest.raises(ImageError, match=f"the {which} image is {why}"):
            register(**images)


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 0.3, 29.0, 90.0, 179.0])
def test_angles_by_their_axis(degrees):
    turn = sitk.VersorRigid3DTransform()
    turn.SetRotation((0.3, -0.5, 0.8), math.radians(degrees))
    euler = sitk.Euler3DTransform()
    euler.SetMatrix(turn.GetMatrix())
    assert angle_of(euler) == pytest.approx(degrees, abs=1e-6)


@pytest.mark.parametrize(
    ("shift", "expected"), [((0, 0, 0), 1.0), ((80, 0, 0), 0.5), ((80, 95, 0), 0.25), ((161, 0, 0), 0)]
)
def test_overlaps_by_the_products_of_edges(fixed, shift, expected):
    assert overlap(fixed, fixed, motion((0, 0, 0), shift)) == pytest.approx(expected, abs=0.02)
