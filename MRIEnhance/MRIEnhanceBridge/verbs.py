"""What the batch script can do: a new module joins with an entry in `VERBS`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from MRIEnhanceBridge.steps import Progress


@dataclass(frozen=True)
class Verb:
    """One thing to do with every case.

    Parameters
    ----------
    name
        Word on the command line.
    summary
        What it does.
    add_options
        Adds its options to a parser.
    process
        From a volume node, the options and somebody to tell the progress, to the node of the result.
    label
        What is put behind the name of the case to name the result, by the options and the result's report. Before there
        is a report, it may be a pattern of a file name.
    """

    name: str
    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    process: Callable[[Any, argparse.Namespace, Callable[[Progress], None]], Any]
    label: Callable[[argparse.Namespace, Mapping[str, Any]], str]


def whole_number(text: str) -> int:
    """A whole number above zero, as an option's type."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _super_resolve_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="M", help=_("name of a model, or path of a model file"))
    parser.add_argument("--scale", type=whole_number, metavar="N", help=_("factor; by default the model's, or 2"))
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", metavar="P", help="auto, float32, bfloat16, float16")
    parser.add_argument(
        "--no-consistency",
        dest="consistency",
        action="store_false",
        help=_("do not put the measured frequencies back"),
    )
    parser.add_argument("--tile", type=whole_number, metavar="N", help=_("side of the tiles in voxels"))


def _super_resolve(node: Any, options: argparse.Namespace, progress: Callable[[Progress], None]) -> Any:
    from SuperResolve import SuperResolveLogic

    return SuperResolveLogic().process(
        node,
        model=options.model,
        scale=options.scale,
        device=options.device,
        precision=options.precision,
        consistency=options.consistency,
        tile=options.tile,
        progress=progress,
    )


def _super_resolve_label(options: argparse.Namespace, report: Mapping[str, Any]) -> str:
    return f"_SRx{report.get('scale') or options.scale or '[0-9]'}"


VERBS = {
    verb.name: verb
    for verb in (
        Verb(
            "super-resolve",
            _("make coarse volumes finer"),
            _super_resolve_options,
            _super_resolve,
            _super_resolve_label,
        ),
    )
}
"""By name."""
