"""``mrienhance batch``: a manifest of many cases in, their results and a summary out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mrienhance.cli.parser import add_command, add_force, whole_number

_TABLE = """\
the manifest is a table; relative paths start from its folder:
  id,task,input,output,scale,to
  sub-01,super-resolve,sub-01_T2w.nii.gz,out/sub-01_T2w.nii.gz,2,
  sub-02,synthesize,T1w=t1.nii.gz;FLAIR=flair.nii.gz,out/sub-02_T2w.nii.gz,,T2w
More columns are named as the task's options, such as model or reference."""


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "batch",
        summary="do many cases, on all devices and machines of a job",
        example="mrienhance batch cases.csv --output-dir results/ --devices 4",
    )
    parser.description = f"{parser.description}\n\n{_TABLE}"
    parser.usage = "%(prog)s MANIFEST.csv [options]"
    parser.add_argument("manifest", type=Path, metavar="MANIFEST.csv", help="the cases, one a row")
    parser.add_argument("--task", metavar="T", help="of rows that name none: super-resolve, synthesize, reconstruct")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="of outputs (default: the manifest's folder)")
    parser.add_argument("--summary", type=Path, metavar="FILE.csv", help="default: MANIFEST-summary.csv, in DIR")
    parser.add_argument("--devices", metavar="D", help="4, cpu, or cuda:0,1: a process each (default: all GPUs)")
    parser.add_argument(
        "--nodes", type=whole_number, metavar="N", help="machines (default: what SLURM or torchrun say)"
    )
    add_force(parser)
    parser.add_argument("--progress", default="bar", choices=("bar", "json", "none"), help="on stderr (default: bar)")
    parser.add_argument("--child", help=argparse.SUPPRESS)  # how a process for one device is started
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.child is not None:
        from mrienhance.cli.batch.child import Child

        Child.parse(args.child).run(args)
        return
    from mrienhance.cli.batch.lead import Lead

    Lead.plan(args).run()
