"""The sample scan, and the cost of importing the rooms."""

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

import mrienhance.images
from mrienhance.data import SAMPLES, sample_path
from mrienhance.errors import UsageError
from mrienhance.images import Grid, check_image, read_image

# The voxel (0, 0, 91) of sub-26 of the original dataset, and its directions.
ORIGINAL = Grid(
    (288, 288, 24),
    (0.8680555820465088, 0.8680555820465088, 1.0),
    (-126.12950438281605, 78.12568664550781, 38.696004875719172),
    (
        *(0.9945584261491845, 0.057232592404628614, 0.08705152587350147),
        *(0.05745068507458888, -0.9983483453553982, 0.0),
        *(-0.08690774280878266, -0.0050011695409856545, 0.9962038103937844),
    ),
)


def test_the_slab_is_where_it_was_scanned():
    image = check_image(read_image(sample_path("t1w_slab")))
    assert image.GetPixelID() == sitk.sitkInt16
    assert Grid.of(image).matches(ORIGINAL, tolerance=1e-6)
    values = sitk.GetArrayFromImage(image)
    assert values.min() == 0
    assert 0.25 < np.count_nonzero(values) / values.size < 0.35


def test_the_samples_are_small_and_say_where_they_come_from():
    readme = sample_path("t1w_slab").with_name("README.md").read_text(encoding="utf-8")
    for name in SAMPLES:
        assert sample_path(name).stat().st_size <= 2_000_000
        assert SAMPLES[name] in readme
    for fact in ("ds002748", "1.0.5", "CC0", "sub-26"):
        assert fact in readme


def test_an_unknown_sample_is_refused():
    with pytest.raises(UsageError, match="'t9w'") as refusal:
        sample_path("t9w")
    assert "t1w_slab" in refusal.value.hint


def test_all_names_of_the_room_are_there():
    assert all(hasattr(mrienhance.images, name) for name in mrienhance.images.__all__)
    assert set(mrienhance.images.__all__) <= set(dir(mrienhance.images))


def test_the_rooms_load_nothing_heavy_before_they_are_used():
    script = (
        "import sys, mrienhance.images, mrienhance.data, mrienhance.images.files\n"
        "mrienhance.data.sample_path('t1w_slab')\n"
        "print(sorted({'torch', 'numpy', 'SimpleITK'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
