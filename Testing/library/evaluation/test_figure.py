"""Figures: what is drawn where, on one scale; refusals; and that a file is whole or absent."""

import sys

import matplotlib as mpl
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from matplotlib.image import imread

from mrienhance.errors import DependencyError, ImageError, OutputError, UsageError
from mrienhance.evaluation import Panel, Style, Zoom, comparison_figure, evaluate_all, side_by_side

STYLE = Style(window=(0.0, 1.0))


def flat(*values):
    return [torch.full((30, 40), float(value)) for value in values]


def panels_of(*values):
    return [Panel(title=f"panel {value}", image=image) for value, image in zip(values, flat(*values), strict=True)]


def count(path, colour):
    """How many pixels of the file have a colour, to the rounding of 8 bits."""
    pixels = imread(path)[..., :3]
    return int((np.abs(pixels - np.asarray(colour)[:3]).max(axis=-1) < 1.5 / 255).sum())


def heat(fraction):
    return mpl.colormaps["inferno"](fraction)


def test_panels_share_one_window(tmp_path):
    path = side_by_side(panels_of(200, 250), [None, None], tmp_path / "figure.png", style=Style(window=(100, 300)))
    cell = imread(path)[..., 0].size // 4
    assert count(path, (0.5, 0.5, 0.5)) > cell / 2
    assert count(path, (0.75, 0.75, 0.75)) > cell / 2
    assert list(tmp_path.iterdir()) == [path]


def test_error_maps_share_one_scale(tmp_path):
    path = side_by_side(panels_of(0, 0, 0), [None, *flat(3, 6)], tmp_path / "figure.png", style=STYLE)
    half, full = count(path, heat(0.5)), count(path, heat(1.0))
    assert min(half, full) > 50_000
    assert half == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize(("bright", "fraction"), [(4, 1.0), (120, 0.25)])
def test_a_few_outliers_do_not_set_the_scale(tmp_path, bright, fraction):
    """Of 1200 pixels, 4 are above the 99.5th percentile and 120 are not."""
    error = torch.ones(30, 40)
    error.view(-1)[:bright] = 4
    path = side_by_side(panels_of(0, 0), [None, error], tmp_path / "figure.png", style=STYLE)
    assert count(path, heat(fraction)) > 50_000


def test_error_limit_may_be_given(tmp_path):
    style = Style(window=(0, 1), error_limit=12)
    path = side_by_side(panels_of(0, 0), [None, *flat(3)], tmp_path / "figure.png", style=style)
    assert count(path, heat(0.25)) > 50_000


def test_zoomed_region_fills_its_own_row(tmp_path):
    image = torch.zeros(30, 40)
    image[10:19, 20:32] = 0.5
    plain = side_by_side([Panel(title="a", image=image)], [None], tmp_path / "plain.png", style=STYLE)
    style = Style(window=(0, 1), zoom=Zoom(row=10, column=20, rows=9, columns=12))
    zoomed = side_by_side([Panel(title="a", image=image)], [None], tmp_path / "zoomed.png", style=style)
    assert count(plain, (0.5, 0.5, 0.5)) > 5_000
    assert count(zoomed, (0.5, 0.5, 0.5)) > 10 * count(plain, (0.5, 0.5, 0.5))
    assert count(plain, mpl.colors.to_rgb("#ffc400")) == 0
    assert count(zoomed, mpl.colors.to_rgb("#ffc400")) > 100


def test_identical_images_have_black_error_maps(tmp_path):
    path = side_by_side(panels_of(1, 1), [None, *flat(0)], tmp_path / "figure.png", style=STYLE)
    assert count(path, heat(0.0)) > 50_000


@pytest.mark.parametrize(("theme", "darkest", "brightest"), [("dark", 0.0, 0.15), ("light", 0.95, 1.0)])
def test_themes_have_their_background(tmp_path, theme, darkest, brightest):
    style = Style(window=(0, 1), theme=theme, heading="A heading", footnote="two\nlines", edges=("R", "L", "A", "P"))
    corner = imread(side_by_side(panels_of(0.5), [None], tmp_path / "figure.png", style=style))[:5, :5, :3]
    assert darkest <= corner.min() <= corner.max() <= brightest


def test_dollars_in_a_title_are_dollars(tmp_path):
    panel = Panel(title="$1 and $x^", image=torch.rand(30, 40), caption="$\\broken$")
    assert side_by_side([panel], [None], tmp_path / "figure.png", style=STYLE).exists()


def test_same_input_gives_the_same_bytes(tmp_path):
    files = [side_by_side(panels_of(0.2, 0.4), [None, *flat(3)], tmp_path / f"{n}.png", style=STYLE) for n in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_figure_is_not_overwritten_unasked(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        side_by_side(panels_of(0.2), [None], path, style=STYLE)
    assert path.read_bytes() == b"mine"
    side_by_side(panels_of(0.2), [None], path, style=STYLE, overwrite=True)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("panels", "errors", "refusal", "match"),
    [
        ([], [], UsageError, "0 panels"),
        (panels_of(1, 2), [None], UsageError, "2 panels and 1 error maps"),
        (panels_of(1), [torch.zeros(30, 41)], ImageError, "30, 41"),
        ([Panel(title="a", image=torch.zeros(2, 3, 4))], [None], ImageError, "2-D"),
        ([*panels_of(1), Panel(title="a", image=torch.zeros(4, 4))], [None, None], ImageError, "4, 4"),
    ],
)
def test_panels_that_do_not_fit_are_refused(tmp_path, panels, errors, refusal, match):
    with pytest.raises(refusal) as caught:
        side_by_side(panels, errors, tmp_path / "figure.png", style=STYLE)
    assert match in caught.value.message + caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("style", "match"),
    [
        (Style(window=(1.0, 1.0)), "window"),
        (Style(window=(0, 1), error_limit=0.0), "error limit"),
        (Style(window=(0, 1), pixel_aspect=-1.0), "aspect"),
        (Style(window=(0, 1), zoom=Zoom(row=25, column=0, rows=6, columns=6)), "outside"),
        (Style(window=(0, 1), zoom=Zoom(row=0, column=-1, rows=6, columns=6)), "outside"),
        (Style(window=(0, 1), theme="pink"), "theme 'pink'"),
    ],
)
def test_styles_that_make_no_sense_are_refused(tmp_path, style, match):
    with pytest.raises(UsageError, match=match):
        side_by_side(panels_of(1), [None], tmp_path / "figure.png", style=style)
    assert not list(tmp_path.iterdir())


def test_only_png_is_written(tmp_path):
    with pytest.raises(OutputError, match=r"figure\.jpg"):
        side_by_side(panels_of(1), [None], tmp_path / "figure.jpg", style=STYLE)


def test_missing_matplotlib_is_named_with_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(DependencyError, match="matplotlib") as refusal:
        side_by_side(panels_of(1), [None], tmp_path / "figure.png", style=STYLE)
    assert "mrienhance[evaluate]" in refusal.value.hint
    assert not list(tmp_path.iterdir())


@pytest.fixture
def truth():
    generator = np.random.default_rng(3)
    values = np.zeros((5, 60, 50), np.float32)
    values[:, 8:52, 9:41] = 400 + 500 * generator.random((5, 44, 32), np.float32)
    return values


def judged(truth, *, mask=None, **offsets):
    """Results that are off by a constant, as an evaluation."""
    results = {name: sitk.GetImageFromArray(truth + np.float32(offset)) for name, offset in offsets.items()}
    mask = None if mask is None else sitk.GetImageFromArray(mask)
    return evaluate_all(results, sitk.GetImageFromArray(truth), data_range=1000, mask=mask)


@pytest.mark.parametrize("plane", [None, "coronal", "sagittal"])
def test_comparison_shows_errors_on_one_scale(tmp_path, truth, plane):
    """Offsets of 50 and -200 are flat colours: a quarter of the scale, and its end."""
    path = comparison_figure(judged(truth, a=50, b=-200), tmp_path / "figure.png", plane=plane, heading="Two results")
    assert count(path, heat(0.25)) > 5_000
    assert count(path, heat(1.0)) > 5_000
    assert imread(path).shape[1] > 1200


def test_comparison_gives_what_its_evaluation_says(tmp_path, truth, monkeypatch):
    drawn = {}

    def record(panels, errors, path, *, style, overwrite):
        drawn.update(panels=panels, errors=errors, style=style)

    monkeypatch.setattr("mrienhance.evaluation.comparison.side_by_side", record)
    evaluation = judged(truth, a=50)
    comparison_figure(evaluation, tmp_path / "figure.png", index=2)
    reference, result = drawn["panels"]
    torch.testing.assert_close(result.image, reference.image + 50)
    assert drawn["errors"][0] is None
    # In percent of the data range of 1000.
    torch.testing.assert_close(drawn["errors"][1], torch.full(reference.image.shape, 5.0), atol=1e-4, rtol=0)
    assert f"{evaluation.rows[0]['psnr_db']:.2f} dB" in result.caption
    assert drawn["style"].window == (0, 1000)
    for fact in ("axial slice k = 2 of 0 to 4", "the patient's right on the left", "7,040 voxels", "not for diagnosis"):
        assert fact in drawn["style"].footnote


def test_comparison_shows_reference_and_result_in_one_window(tmp_path):
    values = np.zeros((3, 60, 50), np.float32)
    values[:, 8:52, 9:41] = 400
    path = comparison_figure(judged(values, a=200), tmp_path / "figure.png")
    for grey in (0.0, 0.2, 0.4, 0.6):
        assert count(path, (grey, grey, grey)) > 5_000


def test_comparison_shows_the_slice_with_most_of_the_mask(tmp_path, truth):
    mask = np.zeros(truth.shape, np.uint8)
    mask[3, 20:30, 20:30] = 1
    evaluation = judged(truth, a=50, mask=mask)
    chosen = comparison_figure(evaluation, tmp_path / "a.png")
    asked = comparison_figure(evaluation, tmp_path / "b.png", index=3)
    other = comparison_figure(evaluation, tmp_path / "c.png", index=1)
    assert chosen.read_bytes() == asked.read_bytes()
    assert chosen.read_bytes() != other.read_bytes()


def test_comparison_of_slices_too_small_for_ssim_and_zoom(tmp_path, truth):
    evaluation = judged(np.ascontiguousarray(truth[:, 20:28, 15:24]), a=50)
    assert comparison_figure(evaluation, tmp_path / "figure.png").exists()
