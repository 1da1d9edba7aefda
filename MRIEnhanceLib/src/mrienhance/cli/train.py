"""``mrienhance train``: a thin wrapper around `mrienhance.training.train`."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mrienhance.cli.console import complain, say
from mrienhance.cli.parser import add_command, whole_number
from mrienhance.errors import Cancelled, DependencyError, UsageError

_INPUTS = {"reconstruct": "KSPACE"}


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "train",
        summary="train a model on your own images",
        example="mrienhance train iconet --data images/ --output runs/first --set training.steps=5000",
    )
    parser.add_argument("method", metavar="METHOD", help="which method, such as iconet")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        nargs="+",
        metavar="DIR",
        help="folders of images, of subjects, or what `prepare` made",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder for models, log, previews")
    parser.add_argument("--config", type=Path, metavar="FILE.yaml", help="recipe (default: the method's own)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="NAME=VALUE",
        help="change one number of the recipe, such as training.steps=5000; may be repeated",
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        nargs="+",
        default=[],
        metavar="MODEL",
        help="model files whose weights to start with (default: fresh ones)",
    )
    parser.add_argument("--resume", action="store_true", help="go on where RUN was stopped")
    parser.add_argument("--accelerator", default="auto", metavar="A", help="auto, cuda, mps or cpu (default: auto)")
    parser.add_argument("--devices", type=whole_number, metavar="N", help="how many of them (default: all)")
    parser.add_argument("--nodes", type=whole_number, default=1, metavar="N", help="on how many machines (default: 1)")
    parser.add_argument(
        "--strategy", default="auto", choices=("auto", "ddp", "fsdp"), help="copies (ddp) or shares of networks (fsdp)"
    )
    parser.add_argument("--precision", metavar="P", help="auto, 32-true, bf16-mixed, 16-mixed (default: the recipe's)")
    parser.add_argument("--workers", type=_count, metavar="N", help="threads that draw images ahead, on each device")
    logs = ("csv", "tensorboard")
    parser.add_argument(  # not --logs: torchrun would take that for its own --logs-specs
        "--logging", dest="logs", nargs="+", default=logs, choices=logs, metavar="L", help=f"{' '.join(logs)} (default)"
    )
    parser.add_argument(
        "--progress", default="bar", choices=("bar", "none"), help="bar: on a terminal, else lines (default)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Run the command."""
    overrides = dict(_override(text) for text in args.overrides)
    if find_spec("lightning_fabric") is None:
        raise DependencyError("training needs lightning-fabric", hint="pip install 'mrienhance[train]'")
    from mrienhance.models import read_header
    from mrienhance.training import train
    from mrienhance.training.parallel import is_first
    from mrienhance.training.provenance import unlicensed
    from mrienhance.training.states import saved_states

    try:
        model = train(
            args.method,
            data=args.data,
            output=args.output,
            config=args.config,
            start_from=args.start_from,
            resume=args.resume,
            overrides=overrides,
            accelerator=args.accelerator,
            devices=args.devices or "auto",
            nodes=args.nodes,
            strategy=args.strategy,
            precision=args.precision,
            workers=args.workers,
            logs=args.logs,
            progress=args.progress == "bar",
            warn=lambda message: complain("warning", message),
        )
    except KeyboardInterrupt:
        hint = "go on with the same command and --resume"
        hint = hint if saved_states(args.output) else "it had not saved anything yet"
        interrupted = Cancelled("the training was interrupted", hint=hint)
        interrupted.said = not is_first()
        raise interrupted from None
    if not is_first():
        return
    say(f"model: {model}")
    say(f"report: {args.output / 'report.html'}")
    card = read_header(model).card
    if folders := unlicensed(card):
        message = f"the model's card does not say under which licence the images in {' and '.join(folders)} are"
        complain("note", message, hint="say it in the recipe: card.data: [{folder: ..., licence: ...}, ...]")
    reference = " --reference REF" if card.reference_required else ""
    say(f"try it: mrienhance {card.task} {_INPUTS.get(card.task, 'IMAGE')}{reference} -o OUT.nii.gz --model {model}")


def _count(text: str) -> int:
    """Read a number of at least 0."""
    if int(text) < 0:
        raise ValueError(text)
    return int(text)


_count.__name__ = "whole number"  # argparse puts the function's name into its message


def _override(text: str) -> tuple[str, Any]:
    """Read ``training.steps=5000``; the value is YAML, so that numbers are numbers."""
    import yaml

    name, equals, value = text.partition("=")
    if not (equals and all(name.partition("."))):
        raise UsageError(f"--set {text} names no number of a recipe", hint="such as --set training.steps=5000")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError(f"--set {text}: the value is not YAML", hint="such as --set training.steps=5000") from None
