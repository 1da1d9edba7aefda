"""``mrienhance simulate low-resolution``: what a coarser scan of the same object would have given."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrienhance.cli.console import describe, say
from mrienhance.cli.outputs import check_outputs
from mrienhance.cli.parser import add_command, add_output, whole_number


def add(commands: Any) -> None:
    """Add the command and its one sub-command."""
    group = add_command(
        commands,
        "simulate",
        summary="simulate data that a worse scan would have given",
        example="mrienhance simulate low-resolution scan.nii.gz -o coarse.nii.gz --scale 2",
    )
    parser = add_command(
        group.add_subparsers(metavar="WHAT", title="what to simulate", required=True),
        "low-resolution",
        summary="make an image coarser as a scanner would, on the coarser grid that belongs to it",
        example="mrienhance simulate low-resolution scan.nii.gz -o coarse.nii.gz --factors 2 2 1",
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="image file, or a folder with one DICOM series")
    add_output(parser, "where to write the coarse image: .nii, .nii.gz, .nrrd or .mha")
    parser.add_argument(
        "--degradation",
        default="k-space",
        choices=("k-space", "blur", "thick-slice"),
        help="truncated k-space, Gaussian blur and cubic, or thick slices (default: k-space)",
    )
    factors = parser.add_mutually_exclusive_group()
    factors.add_argument("--scale", type=whole_number, metavar="S", help="factor in plane (default: 2)")
    factors.add_argument(
        "--factors", type=whole_number, nargs=3, metavar=("FI", "FJ", "FK"), help="factors along the axes i, j and k"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    check_outputs(inputs=(args.image,), images=(args.output,), force=args.force)
    from mrienhance.images import read_image, write_image
    from mrienhance.tasks.simulate import simulate_low_resolution

    scale = args.scale or 2
    factors = tuple(args.factors or (scale, scale, 1))
    coarse = simulate_low_resolution(read_image(args.image), degradation=args.degradation, factors=factors)
    write_image(coarse, args.output, overwrite=args.force)
    say(describe(args.output, coarse))
