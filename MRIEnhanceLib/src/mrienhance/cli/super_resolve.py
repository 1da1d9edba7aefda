"""``mrienhance super-resolve``: a coarse scan in, a finer one out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrienhance.cli.console import complain, describe, progress, say
from mrienhance.cli.outputs import beside, check_outputs, text
from mrienhance.cli.parser import add_command, add_inference, add_output, whole_number


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "super-resolve",
        summary="super-resolve a coarse scan",
        example="mrienhance super-resolve scan.nii.gz -o scan_x2.nii.gz --scale 2",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="image file, or a folder with one DICOM series")
    add_output(parser, "where to write the result: .nii, .nii.gz, .nrrd or .mha")
    parser.add_argument("--scale", type=whole_number, metavar="S", help="factor (default: what suits the image, or 2)")
    parser.add_argument("--contrast", metavar="C", help="what the image is, such as T2w")
    parser.add_argument("--reference", type=Path, metavar="REF", help="finer scan of another contrast of this person")
    parser.add_argument("--reference-contrast", metavar="C", help="what the reference is, such as T1w")
    parser.add_argument(
        "--no-register",
        dest="register",
        action="store_false",
        help="place the reference by its header alone",
    )
    add_inference(parser)
    parser.add_argument(
        "--no-consistency",
        dest="consistency",
        action="store_false",
        help="keep the network's image; do not put back what was measured",
    )
    parser.add_argument("--batch", type=whole_number, metavar="N", help="slices at a time (default: by memory)")
    parser.add_argument("--tile", type=whole_number, metavar="N", help="side of a tile (default: whole slices)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    check_outputs(inputs=(args.image, args.reference), images=(args.output,), files=(args.report,), force=args.force)
    from mrienhance.images import read_image, write_image
    from mrienhance.tasks.super_resolve import super_resolve

    image = read_image(args.image)
    reference = None if args.reference is None else read_image(args.reference)
    with progress(args.progress) as shown:
        result = super_resolve(
            image,
            model=args.model,
            scale=args.scale,
            reference=reference,
            register=args.register,
            contrast=args.contrast,
            reference_contrast=args.reference_contrast,
            device=args.device,
            precision=args.precision,
            consistency=args.consistency,
            batch=args.batch,
            tile=args.tile,
            progress=shown,
        )
    report = result.report
    with beside(args.report, text(report.to_json()), force=args.force):
        write_image(result.image, args.output, overwrite=args.force)
    for warning in report.warnings:
        complain("warning", warning)
    say(describe(args.output, result.image))
    say(f"{report.model.title} ({report.model.name}) on {report.device}, {report.seconds:.1f} s. {report.disclaimer}")
