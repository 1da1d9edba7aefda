"""``mrienhance evaluate``: how far a result is from the truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrienhance.cli.console import say
from mrienhance.cli.outputs import beside, check_outputs, text
from mrienhance.cli.parser import add_command, add_force
from mrienhance.errors import OutputError


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        summary="compare a result with its reference: PSNR, SSIM, NMAE",
        example="mrienhance evaluate result.nii.gz truth.nii.gz --figure compare.png",
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="image to judge")
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="the truth, on the same grid")
    parser.add_argument("--mask", type=Path, metavar="M", help="where to compare (default: where REFERENCE is bright)")
    parser.add_argument("--data-range", type=float, metavar="X", help="intensity that counts as full scale")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write the numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="write a side-by-side figure")
    parser.add_argument("--difference", type=Path, metavar="D.nii.gz", help="write RESULT minus REFERENCE")
    add_force(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.figure is not None and args.figure.suffix.lower() != ".png":
        raise OutputError(f"a figure is a PNG, not {args.figure}", hint="give a name that ends in .png")
    check_outputs(
        inputs=(args.result, args.reference, args.mask),
        images=(args.difference,),
        files=(args.json, args.figure),
        force=args.force,
    )
    from mrienhance.evaluation import comparison_figure
    from mrienhance.evaluation.evaluate import evaluate
    from mrienhance.images import read_image, write_image

    result, reference = read_image(args.result), read_image(args.reference)
    mask = None if args.mask is None else read_image(args.mask)
    evaluation = evaluate(result, reference, mask=mask, data_range=args.data_range, name=_stem(args.result))
    numbers = text(evaluation.to_json() + "\n")
    with (
        beside(args.json, numbers, force=args.force),
        beside(args.figure, lambda path: comparison_figure(evaluation, path, overwrite=True), force=args.force),
    ):
        if args.difference is not None:
            write_image(evaluation.difference, args.difference, overwrite=args.force)
    say(evaluation.to_text())


def _stem(path: Path) -> str:
    """Name of an image file without ``.nii.gz`` and the like."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]
