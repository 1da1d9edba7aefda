"""``mrienhance report``: the page on a training, made anew from its run folder."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mrienhance.cli.console import say
from mrienhance.cli.parser import add_command, add_force
from mrienhance.errors import DependencyError


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "report",
        summary="write the report of a training anew",
        example="mrienhance report runs/first",
    )
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="the folder that `train --output` was given")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.html", help="the page (default: RUN/report.html)")
    add_force(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if find_spec("matplotlib") is None:
        raise DependencyError("the curves of a report need matplotlib", hint="pip install 'mrienhance[train]'")
    from mrienhance.images.files import check_output
    from mrienhance.training.report import write_report

    if args.output is not None:
        check_output(args.output, overwrite=args.force)
    say(f"report: {write_report(args.run_folder, output=args.output)}")
