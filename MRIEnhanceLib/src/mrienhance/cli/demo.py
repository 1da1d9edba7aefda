"""``mrienhance demo``: the main job on a real scan, measured against the truth; and raw data reconstructed."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli import demo_reconstruct
from mrienhance.cli.console import complain, progress, say
from mrienhance.cli.parser import add_command, add_device
from mrienhance.errors import DependencyError, OutputError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Evaluation
    from mrienhance.evaluation.table import Value

SCALES = (2, 4)
MARKER = ".mrienhance-demo"
_MARKER_TEXT = "This folder was made by `mrienhance demo`, which may overwrite what it wrote here.\n"


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "demo",
        summary="super-resolve a real scan that comes along and measure how well, and reconstruct raw data",
        example="mrienhance demo --output demo",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("mrienhance-demo"),
        metavar="DIR",
        help="folder for images, figures and table (default: mrienhance-demo)",
    )
    parser.add_argument("--force", action="store_true", help="write into a folder with other files, too")
    add_device(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    _check_folder(args.output, force=args.force)
    from mrienhance.data import sample_path
    from mrienhance.evaluation.table import as_text, write_table
    from mrienhance.images import check_output, read_image, write_image

    if args.output.is_dir():
        check_output(args.output / MARKER, overwrite=True)
    rows: list[dict[str, Value]] = []
    with _folder(args.output) as folder:
        truth = read_image(sample_path("t1w_slab"))
        write_image(truth, folder / "t1w.nii.gz")
        for scale in SCALES:
            rows += _one_scale(truth, scale, folder, args)
        reconstructed = demo_reconstruct.make(folder, args)
        for suffix in ("txt", "csv", "json"):
            write_table(rows, folder / f"results.{suffix}")
    say(as_text(rows))
    say()
    say(f"{args.output.resolve()} holds")
    say("  compare_x*.png           side by side, with error maps")
    say("  results.txt .csv .json   the table above")
    say("  t1w*.nii.gz              the scan, its coarse versions, and what was made of them")
    say("  report_*.json            how each result came to be")
    say("  kspace_*.nii.gz          one raw slice, 8-fold accelerated, reconstructed; without a truth to compare with")
    say("  reconstruct.png          these side by side")
    say()
    for line in reconstructed:
        say(line)
    say("For research, not for diagnosis.")


def _one_scale(truth: sitk.Image, scale: int, folder: Path, args: argparse.Namespace) -> list[dict[str, Value]]:
    """Make the scan coarse, make it fine again in three ways, and compare each with the truth."""
    from mrienhance.evaluation import evaluate_all
    from mrienhance.images import write_image
    from mrienhance.tasks.interpolate import interpolate
    from mrienhance.tasks.simulate import simulate_low_resolution
    from mrienhance.tasks.super_resolve import super_resolve

    coarse = simulate_low_resolution(truth, factors=(scale, scale, 1))
    write_image(coarse, folder / f"t1w_x{scale}_coarse.nii.gz")
    with progress(args.progress) as shown:
        result = super_resolve(coarse, scale=scale, device=args.device, precision=args.precision, progress=shown)
    (folder / f"report_x{scale}.json").write_text(result.report.to_json(), encoding="utf-8")
    model = result.report.model.name
    results = {**interpolate(coarse, factors=(scale, scale, 1)), model: result.image}
    for name, image in results.items():
        write_image(image, folder / f"t1w_x{scale}_{name}.nii.gz")
    evaluation = evaluate_all(results, truth)
    _figure(evaluation, folder / f"compare_x{scale}.png", heading=f"In-plane x{scale}")
    return [{"scale": f"x{scale}", **row} for row in evaluation.rows]


def _figure(evaluation: Evaluation, path: Path, *, heading: str) -> None:
    from mrienhance.evaluation import comparison_figure

    try:
        comparison_figure(evaluation, path, heading=heading)
    except DependencyError as error:  # the images and the table are worth having without it
        complain("warning", f"no {path.name}: {error.message}", error.hint)


def _check_folder(output: Path, *, force: bool) -> None:
    """Refuse a folder that holds what somebody else has put there, or that cannot be written."""
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is not a folder", hint="choose another --output")
    if output.is_dir() and any(output.iterdir()) and not (output / MARKER).exists() and not force:
        hint = "choose another --output, or write into it with --force"
        raise OutputError(f"the folder {output} holds other files", hint=hint)


@contextmanager
def _folder(output: Path) -> Iterator[Path]:
    """Give a new folder beside `output`, whose files move there when all is well and vanish when not."""
    place = output.resolve()
    folder = place.parent / f"{MARKER}-{secrets.token_hex(6)}"
    try:
        try:
            folder.mkdir()
        except OSError as error:
            hint = "make the folder above it first, or choose another --output"
            raise OutputError(f"cannot write {output}: {(error.strerror or str(error)).lower()}", hint=hint) from error
        yield folder
        (folder / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
        if not place.exists():
            folder.rename(place)
            return
        for file in sorted(folder.iterdir()):
            os.replace(file, place / file.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
