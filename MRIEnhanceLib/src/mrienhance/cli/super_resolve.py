"""``mrienhance super-resolve``: a coarse scan in, a finer one out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrienhance.cli.console import complain, describe, progress, say
from mrienhance.cli.outputs import Files, Load, Made, given, write_all
from mrienhance.cli.parser import add_command, add_inference, add_output, whole_number

if TYPE_CHECKING:
    from mrienhance.inference import Cancel, Progress
    from mrienhance.models import Model


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


def files(args: argparse.Namespace) -> Files:
    """What the command reads and writes."""
    return Files(inputs=given(args.image, args.reference), images=(args.output,), files=given(args.report))


def make(
    args: argparse.Namespace,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    load: Load | None = None,
) -> Made:
    """Do what `args` say, and write it; `load` keeps models from one command to the next."""
    from mrienhance.images import check_image, read_image
    from mrienhance.tasks.super_resolve import find_for, super_resolve

    image = read_image(args.image)
    reference = None if args.reference is None else read_image(args.reference)
    contrasts = {"contrast": args.contrast, "reference_contrast": args.reference_contrast}
    model: str | Model | None = args.model
    if load is not None:
        image = check_image(image)
        model = load(find_for(args.model, args.scale, reference=reference is not None, image=image, **contrasts))
    result = super_resolve(
        image,
        model=model,
        scale=args.scale,
        reference=reference,
        register=args.register,
        device=args.device,
        precision=args.precision,
        consistency=args.consistency,
        batch=args.batch,
        tile=args.tile,
        progress=progress,
        cancel=cancel,
        **contrasts,
    )
    if cancel is not None:
        cancel.check()
    write_all({args.output: result.image}, args.report, result.report.to_json(), force=args.force)
    return Made(images={args.output: result.image}, report=result.report)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    files(args).check(force=args.force)
    with progress(args.progress) as shown:
        made = make(args, progress=shown)
    report = made.report
    for warning in report.warnings:
        complain("warning", warning)
    for path, image in made.images.items():
        say(describe(path, image))
    say(f"{report.model.title} ({report.model.name}) on {report.device}, {report.seconds:.1f} s. {report.disclaimer}")
