"""Boxes of lesions, and figures inside them, against what can be counted by hand and against scikit-image."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from skimage.measure import label, regionprops
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from mrienhance.errors import ImageError, UsageError
from mrienhance.evaluation import Box, boxes_of_mask, evaluate_lesions, read_boxes
from mrienhance.evaluation.lesion_metrics import attention_metrics, lesion_metrics
from mrienhance.images import to_image
from mrienhance.images.geometry import Grid

SIZE = (40, 48, 3)
HEADER = "file,slice,study_level,x,y,width,height,label\n"


def volume(seed: int = 0, *, low: float = 5.0, high: float = 90.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(SIZE[::-1], generator=generator)


def image(tensor: torch.Tensor) -> sitk.Image:
    return to_image(tensor, Grid((tensor.shape[2], tensor.shape[1], tensor.shape[0])))


def normalised(values: np.ndarray, by: np.ndarray) -> np.ndarray:
    return (values - by.min()) / (by.max() - by.min())


# Boxes


def test_the_flip_of_fastmri_plus(tmp_path: Path):
    """Oracle: a square painted on the picture as the reader saw it, which is the image upside down."""
    picture = np.zeros((48, 40))
    picture[6:10, 3:8] = 1  # y 6 to 10, x 3 to 8 as drawn
    stored = np.flipud(picture)
    (tmp_path / "boxes.csv").write_text(HEADER + "scan,2,No,3,6,5,4,Edema\n", encoding="utf-8")
    [box] = read_boxes(tmp_path / "boxes.csv", size=SIZE)
    assert box == Box(slice=2, row=48 - 6 - 4, column=3, rows=4, columns=5, label="Edema")
    inside = stored[box.row : box.row + box.rows, box.column : box.column + box.columns]
    assert inside.all()
    assert inside.size == stored.sum()


def test_boxes_of_one_scan_of_many(tmp_path: Path):
    path = tmp_path / "boxes.csv"
    rows = ["a,0,No,1,2,3,4,x", "b,1,No,5,6,7,8,y", "a,1,Yes,,,,,artifact", "a,2,No,0.0,0,40,48,whole"]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    assert [box.slice for box in read_boxes(path, size=SIZE, case="a")] == [0, 2]
    assert [box.label for box in read_boxes(path, size=SIZE, case="b")] == ["y"]
    with pytest.raises(UsageError, match="2 scans"):
        read_boxes(path, size=SIZE)
    with pytest.raises(UsageError, match="'c'"):
        read_boxes(path, size=SIZE, case="c")


BROKEN = {
    "outside": (HEADER + "a,0,No,30,2,30,4,x\n", "outside"),
    "above": (HEADER + "a,0,No,1,-2,3,4,x\n", "outside"),
    "another slice": (HEADER + "a,3,No,1,2,3,4,x\n", "outside"),
    "empty box": (HEADER + "a,0,No,1,2,0,4,x\n", "outside"),
    "no number": (HEADER + "a,0,No,one,2,3,4,x\n", "none"),
    "infinite": (HEADER + "a,0,No,inf,2,3,4,x\n", "none"),
    "no columns": ("a,b\n1,2\n", "no column 'file'"),
    "no text": (b"\xff\xfe\x00", "no text"),
}


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_files_of_boxes_that_are_broken(tmp_path: Path, content: str | bytes, said: str):
    path = tmp_path / "boxes.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ImageError, match=said):
        read_boxes(path, size=SIZE)


def test_boxes_of_a_mask_are_those_of_scikit_image():
    mask = (torch.rand(SIZE[::-1], generator=torch.Generator().manual_seed(1)) > 0.8).float()
    found = {(b.slice, b.row, b.column, b.rows, b.columns) for b in boxes_of_mask(image(mask))}
    expected = set()
    for number, part in enumerate(mask.numpy()):
        for region in regionprops(label(part > 0, connectivity=2)):
            top, left, bottom, right = region.bbox
            expected.add((number, top, left, bottom - top, right - left))
    assert found == expected


def test_labels_do_not_part_a_lesion():
    mask = torch.zeros(SIZE[::-1])
    mask[1, 4:8, 4:8], mask[1, 8:9, 8:9] = 1, 7
    assert len(boxes_of_mask(image(mask))) == 1


def test_an_empty_mask_is_refused():
    with pytest.raises(ImageError, match="no lesion"):
        boxes_of_mask(image(torch.zeros(SIZE[::-1])))


# Figures

WIDE = [
    Box(slice=0, row=3, column=5, rows=14, columns=12),
    Box(slice=2, row=20, column=22, rows=11, columns=15),
    Box(slice=2, row=0, column=0, rows=48, columns=40),
]


@pytest.mark.parametrize("normalisation", ["joint", "own"])
def test_both_figures_against_scikit_image(normalisation: str):
    reference, result = volume(), volume() + 4 * volume(1) / 90 + 3
    noises, likenesses = [], []
    for box in WIDE:
        truth, found = (tensor[box.slice].double().numpy() for tensor in (reference, result))
        found = normalised(found, found if normalisation == "own" else truth)
        truth = normalised(truth, truth)
        crop = np.s_[box.row : box.row + box.rows, box.column : box.column + box.columns]
        noises.append(peak_signal_noise_ratio(truth[crop], found[crop], data_range=truth[crop].max()))
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
        likenesses.append(structural_similarity(truth[crop], found[crop], **options))
    found = lesion_metrics(result, reference, WIDE, normalisation=normalisation)
    assert found.lf_psnr_db == pytest.approx(np.mean(noises), abs=1e-6)
    assert found.lf_ssim == pytest.approx(np.mean(likenesses), abs=1e-6)
    assert (found.boxes, found.identical, found.dropped) == (3, 0, 0)


def test_own_normalisation_hides_an_error_of_gain():
    reference = volume()
    joint, own = (lesion_metrics(1.3 * reference, reference, WIDE, normalisation=n) for n in ("joint", "own"))
    assert joint.lf_psnr_db < 30
    assert own.lf_psnr_db > 100


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        (Box(slice=1, row=20, column=20, rows=3, columns=15), slice(15, 28), slice(20, 35)),
        (Box(slice=1, row=1, column=38, rows=1, columns=2), slice(0, 11), slice(28, 40)),
        (Box(slice=1, row=46, column=0, rows=2, columns=11), slice(36, 48), slice(0, 11)),
    ],
    ids=["inside", "corner", "edge"],
)
def test_narrow_boxes_get_context(box: Box, rows: slice, columns: slice):
    wide = Box(
        slice=1, row=rows.start, column=columns.start, rows=rows.stop - rows.start, columns=columns.stop - columns.start
    )
    reference, result = volume(), volume() + volume(1) / 9
    assert lesion_metrics(result, reference, [box]) == lesion_metrics(result, reference, [wide])


def test_identical_boxes():
    """All: infinite. Some: the mean of the others, and it is said how many."""
    reference = volume()
    assert lesion_metrics(reference, reference, WIDE).lf_psnr_db == math.inf
    result = reference.clone()
    result[2] += 1
    some, other = (lesion_metrics(result, reference, boxes) for boxes in (WIDE, WIDE[1:]))
    assert some.lf_psnr_db == other.lf_psnr_db
    assert (some.boxes, some.identical) == (3, 1)


def test_boxes_that_do_not_count():
    reference = volume()
    reference[0, 3:17, 5:17] = reference[0].min()  # 0 once normalised: there is no peak
    found = lesion_metrics(volume(3), reference, WIDE[:1])
    assert math.isnan(found.lf_psnr_db)
    assert found.dropped == 1
    worse = lesion_metrics(volume() + 500, volume(), WIDE[1:2])
    assert (math.isnan(worse.lf_psnr_db), worse.dropped) == (True, 1)


def test_images_too_small_for_ssim():
    small = torch.rand(1, 8, 20)
    found = lesion_metrics(small + 0.1, small, [Box(slice=0, row=2, column=2, rows=2, columns=2)])
    assert math.isnan(found.lf_ssim)
    assert found.lf_psnr_db > 0


# Attention


def test_pointing_and_overlap():
    boxes = [
        Box(slice=0, row=4, column=4, rows=4, columns=4),
        Box(slice=0, row=20, column=4, rows=4, columns=4),
        Box(slice=2, row=10, column=10, rows=6, columns=6),
    ]
    attention = torch.zeros(SIZE[::-1])
    attention[0, 4:8, 4:8] = 0.9  # one box of two: IoU 16 / 32
    attention[2, 30, 30] = 0.8  # elsewhere
    attention[1] = 1  # a slice without a box does not count
    found = attention_metrics(attention, boxes)
    assert (found.pointing, found.iou, found.slices) == (0.5, 0.25, 2)
    assert attention_metrics(torch.zeros(SIZE[::-1]), boxes).pointing == 0


def test_the_report_names_its_rules():
    reference = image(volume())
    result = image(volume() + 1)
    found = evaluate_lesions({"mine": result}, reference, WIDE, normalisation="own", attention=image(volume() / 90))
    text = found.to_text()
    assert "normalised own" in text
    assert "pointing game" in text
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["normalisation"]["name"] == "own"
    assert facts["rows"][0]["method"] == "mine"
    assert facts["attention"]["threshold"] == 0.5
    identical = evaluate_lesions({"mine": reference}, reference, WIDE).to_dict()
    assert identical["rows"][0]["lf_psnr_db"] == "Infinity"


def test_contradictions_are_refused():
    reference = image(volume())
    with pytest.raises(UsageError, match="no boxes"):
        evaluate_lesions({"mine": reference}, reference, [])
    with pytest.raises(UsageError, match="median"):
        evaluate_lesions({"mine": reference}, reference, WIDE, normalisation="median")
    moved = image(volume())
    moved.SetOrigin((3, 0, 0))
    with pytest.raises(ImageError, match="grid"):
        evaluate_lesions({"mine": moved}, reference, WIDE)
