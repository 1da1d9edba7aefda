"""The part of ``mrienhance demo`` that begins with raw data: one slice, reconstructed in several ways."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mrienhance.cli.console import complain, progress
from mrienhance.errors import DependencyError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.kspace import KSpace
    from mrienhance.tasks.coil_maps import CoilMaps
    from mrienhance.tasks.result import Result

SAMPLE = "brain_8ch"
METHODS = ("zero-filled", "cg-sense", "l1-wavelet")


def make(folder: Path, args: argparse.Namespace) -> list[str]:
    """Reconstruct the raw sample into a folder; give a line on each image.

    The sample has no full scan beside it: nothing can be measured, only seen.
    """
    from mrienhance.data import sample_path
    from mrienhance.images import write_image
    from mrienhance.kspace import read_kspace
    from mrienhance.tasks.coil_maps import estimate_coil_maps

    kspace = read_kspace(sample_path(SAMPLE))
    maps = estimate_coil_maps(kspace)
    images: dict[str, sitk.Image] = {}
    lines: list[str] = []
    for method in (*METHODS, *_model()):
        result = _reconstructed(kspace, method, maps, args)
        report = result.report
        images[report.model.title] = result.image
        write_image(result.image, folder / f"kspace_{method}.nii.gz")
        if attention := result.maps.get("attention"):
            write_image(attention, folder / f"kspace_{method}_attention.nii.gz")
        (folder / f"report_{method}.json").write_text(report.to_json(), encoding="utf-8")
        lines.append(_line(result))
    _figure(images, kspace, folder / "reconstruct.png")
    return lines


def _model() -> list[str]:
    """The model that would be taken, if there is one."""
    from mrienhance.models import Entry
    from mrienhance.tasks.reconstruct import find_for

    found = find_for(None)
    return [found.name] if isinstance(found, Entry) else []


def _reconstructed(kspace: KSpace, method: str, maps: CoilMaps, args: argparse.Namespace) -> Result:
    from mrienhance.tasks.reconstruct import reconstruct

    with progress(args.progress) as shown:
        return reconstruct(
            kspace,
            model=method,
            coil_maps=maps,
            device=args.device,
            precision=args.precision,
            progress=shown,
        )


def _line(result: Result) -> str:
    report = result.report
    residual = "" if report.consistency_residual is None else f", {report.consistency_residual:.1%} off its samples"
    facts = report.reconstruction
    scores = "" if facts is None else "".join(f", {score.name} {score.highest:.2f}" for score in facts.scores)
    return f"{report.model.title}: {report.seconds_network:.2f} s{residual}{scores}"


def _figure(images: dict[str, sitk.Image], kspace: KSpace, path: Path) -> None:
    """The images side by side, each in a window of its own: zero-filled is darker by what is missing."""
    from mrienhance.evaluation import Panel, Style, side_by_side
    from mrienhance.images import IntensityScale, to_tensor

    panels = []
    for title, image in images.items():
        slice_ = to_tensor(image)[0]
        panels.append(Panel(title=title, image=IntensityScale.of(slice_).apply(slice_)))
    style = Style(
        window=(0.0, 1.0),
        heading=f"One raw slice, {kspace.coils} coils, {kspace.acceleration:.2g}-fold accelerated",
        footnote="Each image is as bright as its 99.9th percentile. No full scan exists: there is no truth to compare "
        "with. For research, not for diagnosis.",
    )
    try:
        side_by_side(panels, [None] * len(panels), path, style=style)
    except DependencyError as error:  # the images are worth having without it
        complain("warning", f"no {path.name}: {error.message}", error.hint)
