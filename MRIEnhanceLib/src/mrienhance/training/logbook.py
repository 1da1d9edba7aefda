"""What a training leaves for people to read: a CSV log and preview pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mrienhance.images.files import atomic_path, refusal


class Logbook:
    """Appends lines to ``log.csv``; a resumed training goes on after its last saved step.

    Parameters
    ----------
    path
        The CSV file.
    resumed_at
        Lines of this step or later are dropped: they will be written again. None starts a new log.
    """

    COLUMNS = ("step", "phase", "name", "value")

    def __init__(self, path: Path, *, resumed_at: int | None = None) -> None:
        self.path = path
        kept: list[list[str]] = []
        if resumed_at is not None and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                kept = [row for row in list(csv.reader(file))[1:] if len(row) == 4 and int(row[0]) <= resumed_at]
        with atomic_path(path, overwrite=True) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([self.COLUMNS, *kept])

    def write(self, step: int, phase: str, values: Mapping[str, float]) -> None:
        """Append one line per value.

        Raises
        ------
        OutputError
            If the disk is full or gone.
        """
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([step, phase, name, f"{value:.6g}"] for name, value in values.items())
        except OSError as error:
            raise refusal(self.path, error) from None


def read_log(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The numbers of a log: ``phase/name`` to points (step, value); lines that are not whole are passed over."""
    found: dict[str, list[tuple[int, float]]] = {}
    if not path.is_file():
        return found
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in list(csv.reader(file))[1:]:
            try:
                step, phase, name, value = row
                found.setdefault(f"{phase}/{name}", []).append((int(step), float(value)))
            except ValueError:
                continue
    return found


def write_preview(path: Path, images: Mapping[str, Tensor], target: Tensor) -> None:
    """Write a picture: each image above its difference from the target, five times amplified.

    Parameters
    ----------
    path
        PNG file.
    images
        Title to a slice (H, W), intensities around [0, 1]; those of another size are shown without a difference.
    target
        The slice that they should be.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {**images, "target": target}
    figure = Figure(figsize=(3 * len(panels), 6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(panels), squeeze=False)
    for column, (title, image) in zip(axes.T, panels.items(), strict=True):
        column[0].imshow(image.float().cpu().numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        column[0].set_title(title)
        if image.shape == target.shape:
            error = 5 * (image - target).float().abs().cpu().numpy()
            column[1].imshow(error, cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        for axis in column:
            axis.set_axis_off()
    with atomic_path(path, overwrite=True) as temporary, temporary.open("wb") as file:
        figure.savefig(file, format="png", dpi=100)


def peak_signal_to_noise(prediction: Tensor, target: Tensor) -> float:
    """PSNR in dB where the target exceeds 0.02, for a data range of 1; infinite for equal images."""
    inside = target > 0.02
    squared = (prediction.float() - target).square()[inside].mean()
    return float(-10 * torch.log10(squared))
