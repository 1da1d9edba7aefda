"""Figures of validation images: input, baseline, prediction and truth, with a zoom, and errors on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from torch.nn import functional

from mrienhance.evaluation.evaluate import MASK_THRESHOLD
from mrienhance.evaluation.figure import Panel, Style, side_by_side
from mrienhance.evaluation.view import choose_zoom
from mrienhance.training.scores import Score

_DPI = 100
"""Enough to see what is wrong; there may be hundreds."""


@dataclass(frozen=True)
class Pictures:
    """Slices (row, column) of one validation image, brightest tissue about 1.

    Attributes
    ----------
    input
        What the network is given, perhaps coarser.
    baseline, prediction, target
        Of one size.
    beside
        What else there is to see, by name: a reference, a map in [0, 1].
    translated
        The contrasts of input and target, where one becomes the other.
    """

    input: Tensor
    baseline: Tensor
    prediction: Tensor
    target: Tensor
    beside: Mapping[str, Tensor] = field(default_factory=dict)
    translated: tuple[str, str] | None = None


def pictures_of(
    batch: Mapping[str, Tensor],
    prediction: Tensor,
    beside: Mapping[str, Tensor],
    translated: tuple[str, str] | None = None,
) -> Pictures:
    """Cut the slices to show, of blocks (1, 1, k, j, i) the middle ones across j, which show k and i.

    Parameters
    ----------
    batch
        What `Objective.whole` made.
    prediction
        What the network made of it.
    beside, translated
        What these methods of `Objective` gave.
    """
    image, baseline, target = (_slice(batch[name]) for name in ("image", "baseline", "target"))
    others = {name: _slice(each) for name, each in beside.items()}
    return Pictures(image, baseline, _slice(prediction), target, others, translated)


def write_preview(path: Path, pictures: Pictures, *, heading: str, score: Score | None = None) -> None:
    """Write a figure as PNG.

    Parameters
    ----------
    path
        A file that is replaced if it is there; its folder is made.
    pictures
        What to show.
    heading
        Whose image it is, and of which step.
    score
        The figures of prediction and baseline, for their titles.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    target = pictures.target
    captions = _captions(score)
    given, wanted = (f" {contrast}" for contrast in pictures.translated) if pictures.translated else ("", "")
    panels = [Panel(title=f"input{given}", image=_fitted(pictures.input, target), caption=_size(pictures.input))]
    panels += [Panel(title=name, image=_fitted(image, target)) for name, image in pictures.beside.items()]
    errors: list[Tensor | None] = [None] * len(panels)
    for title, image in (("baseline", pictures.baseline), ("prediction", pictures.prediction)):
        image = image.nan_to_num()
        panels.append(Panel(title=title, image=image, caption=captions.get(title, "")))
        errors.append((image - target).abs())
    panels.append(Panel(title=f"truth{wanted}", image=target, caption=_size(target)))
    style = Style(
        window=(0.0, 1.0),
        zoom=choose_zoom(target, target > MASK_THRESHOLD),
        error_label="absolute error",
        heading=heading,
        dpi=_DPI,
    )
    path.parent.mkdir(exist_ok=True)
    side_by_side(panels, [*errors, None], path, style=style, overwrite=True)


def _slice(image: Tensor) -> Tensor:
    """A picture with its top at the top: arrays mostly run from back to front, and from foot to head."""
    image = image.detach().float().cpu()
    picture = image[0, 0] if image.ndim == 4 else image[0, 0, :, image.shape[-2] // 2]
    return picture.flip(0)


def _fitted(image: Tensor, target: Tensor) -> Tensor:
    """A coarse picture in the size of the fine one, its pixels as they are."""
    if image.shape == target.shape:
        return image.nan_to_num()
    rows, columns = target.shape
    return functional.interpolate(image[None, None], size=(rows, columns), mode="nearest")[0, 0].nan_to_num()


def _size(image: Tensor) -> str:
    rows, columns = image.shape
    return f"{rows} x {columns}"


def _captions(score: Score | None) -> dict[str, str]:
    if score is None:
        return {}
    figures = {"baseline": score.baseline, "prediction": score.prediction}
    return {name: f"{each.psnr_db:.2f} dB, SSIM {each.ssim:.3f}" for name, each in figures.items()}
