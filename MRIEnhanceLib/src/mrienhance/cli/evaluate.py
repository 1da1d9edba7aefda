"""``mrienhance evaluate``: how far a result is from the truth."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.console import say
from mrienhance.cli.outputs import beside, check_outputs, text
from mrienhance.cli.parser import add_command, add_force
from mrienhance.errors import OutputError, UsageError

if TYPE_CHECKING:
    import SimpleITK as sitk

    from mrienhance.evaluation import Box, LesionEvaluation


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
    parser.add_argument(
        "--synthetic", action="store_true", help="RESULT is synthetic: scale REFERENCE to it, VIF, NIQE"
    )
    parser.add_argument(
        "--contrast", metavar="C", help="of REFERENCE, for the NIQE of --synthetic: T1w, T2w, FLAIR ..."
    )
    parser.add_argument("--lesions", type=Path, metavar="L", help="mask of lesions: LF-PSNR and LF-SSIM around them")
    parser.add_argument("--boxes", type=Path, metavar="B.csv", help="boxes of lesions, a CSV file of fastMRI+")
    parser.add_argument("--case", metavar="NAME", help="which scan of --boxes (default: the only one, or REFERENCE)")
    parser.add_argument(
        "--normalisation",
        default="joint",
        choices=("joint", "own"),
        metavar="N",
        help="of lesions: joint, or own as PASS has it",
    )
    parser.add_argument("--attention", type=Path, metavar="A", help="attention map to judge by the lesions")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write the numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE.png", help="write a side-by-side figure")
    parser.add_argument("--difference", type=Path, metavar="D.nii.gz", help="write RESULT minus REFERENCE")
    add_force(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.figure is not None and args.figure.suffix.lower() != ".png":
        raise OutputError(f"a figure is a PNG, not {args.figure}", hint="give a name that ends in .png")
    _check_lesions(args)
    if args.contrast is not None and not args.synthetic:
        raise UsageError("--contrast is for --synthetic", hint="add --synthetic, or leave it out")
    check_outputs(
        inputs=(args.result, args.reference, args.mask, args.lesions, args.boxes, args.attention),
        images=(args.difference,),
        files=(args.json, args.figure),
        force=args.force,
    )
    from mrienhance.evaluation import comparison_figure, evaluate_all, evaluate_synthetic
    from mrienhance.images import check_image, read_image, write_image

    result, reference = read_image(args.result), read_image(args.reference)
    mask = None if args.mask is None else read_image(args.mask)
    compare = partial(evaluate_synthetic, contrast=args.contrast) if args.synthetic else evaluate_all
    evaluation = compare({_stem(args.result): result}, reference, mask=mask, data_range=args.data_range)
    if args.lesions is not None or args.boxes is not None:
        lesions = _lesions(args, {_stem(args.result): check_image(result)}, evaluation.reference)
        evaluation = replace(evaluation, lesions=lesions)
    numbers = text(evaluation.to_json() + "\n")
    with (
        beside(args.json, numbers, force=args.force),
        beside(args.figure, lambda path: comparison_figure(evaluation, path, overwrite=True), force=args.force),
    ):
        if args.difference is not None:
            write_image(evaluation.difference, args.difference, overwrite=args.force)
    say(evaluation.to_text())


def _check_lesions(args: argparse.Namespace) -> None:
    """Refuse options on lesions that contradict each other."""
    if args.lesions is not None and args.boxes is not None:
        raise UsageError("lesions are given by a mask or by boxes", hint="leave out --lesions or --boxes")
    if args.lesions is None and args.boxes is None and args.attention is not None:
        raise UsageError("--attention is judged by lesions", hint="add --lesions or --boxes")
    if args.boxes is None and args.case is not None:
        raise UsageError("--case is for --boxes", hint="add --boxes, or leave it out")


def _lesions(args: argparse.Namespace, results: dict[str, sitk.Image], reference: sitk.Image) -> LesionEvaluation:
    from mrienhance.evaluation import boxes_of_mask, evaluate_lesions
    from mrienhance.evaluation.evaluate import check_grid
    from mrienhance.images import Grid, read_image

    if args.boxes is None:
        mask = read_image(args.lesions)
        check_grid(Grid.of(reference), mask, "mask of lesions")
        boxes = boxes_of_mask(mask)
    else:
        boxes = _boxes(args, reference)
    attention = None if args.attention is None else read_image(args.attention)
    return evaluate_lesions(results, reference, boxes, normalisation=args.normalisation, attention=attention)


def _boxes(args: argparse.Namespace, reference: sitk.Image) -> tuple[Box, ...]:
    """The boxes of the scan that was named; else of the only one, or of the one that is called as the reference."""
    from mrienhance.evaluation import read_boxes

    try:
        return read_boxes(args.boxes, size=reference.GetSize(), case=args.case)
    except UsageError:
        if args.case is not None:
            raise
        return read_boxes(args.boxes, size=reference.GetSize(), case=_stem(args.reference))


def _stem(path: Path) -> str:
    """Name of an image file without ``.nii.gz`` and the like."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]
