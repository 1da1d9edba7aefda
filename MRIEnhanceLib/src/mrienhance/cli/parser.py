"""The parser: short help, and wrong usage refused in one line like everything else."""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path
from typing import Any, NoReturn

from mrienhance.errors import UsageError


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with room for the longest option beside its text."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        super().__init__(prog, max_help_position=28, **kwargs)


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` that raises `UsageError` instead of printing the usage and exiting.

    The standard library's parser is used rather than a larger one: it starts in a hundredth of a second, its help is
    short, and its messages name the option as the user typed it.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", _Formatter)
        # An abbreviation that works today breaks a script on the day another option begins alike.
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("epilog", f"example:\n  {example}" if example else None)
        super().__init__(*args, **kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over here, where the options that were meant are known."""
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        near = self._nearest(message)
        raise UsageError(message, hint=f"did you mean {near}?" if near else f"see: {self.prog} --help")

    def _nearest(self, message: str) -> str:
        """What a mistyped option, command or choice was meant to be, or nothing."""
        mistyped = re.match(r"unrecognized arguments: (-[^\s=]+)|argument \S+: invalid choice: '([^']*)'", message)
        if mistyped is None:
            return ""
        known = [string for action in self._actions for string in action.option_strings]
        known += [str(choice) for action in self._actions for choice in action.choices or ()]
        return next(iter(difflib.get_close_matches(mistyped[1] or mistyped[2], known, n=1)), "")


def add_command(commands: Any, name: str, *, summary: str, example: str) -> Parser:
    """Add the parser of one command to what `add_subparsers` gave."""
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: Parser = commands.add_parser(name, help=summary, description=description, example=example)
    # Accepted on either side of the command, described once.
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def add_output(parser: Parser, what: str) -> None:
    """Add ``-o/--output`` and ``--force``."""
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=what)
    add_force(parser)


def add_force(parser: Parser) -> None:
    """Add ``--force``."""
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")


def add_inference(parser: Parser) -> None:
    """Add the options that every command with one network and one result has."""
    parser.add_argument("--model", metavar="M", help="name from `mrienhance models`, or a .safetensors file")
    add_device(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write how the result came to be")


def add_device(parser: Parser) -> None:
    """Add where and how to compute, and how to show it."""
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cuda, cuda:1, mps or cpu (default: auto)")
    parser.add_argument(
        "--precision", default="auto", metavar="P", help="auto, float32, bfloat16 or float16 (default: auto)"
    )
    parser.add_argument("--progress", default="bar", choices=("bar", "json", "none"), help="on stderr (default: bar)")


def whole_number(text: str) -> int:
    """Read a number of at least 1; ``x2`` and ``2x`` are understood too."""
    number = int(text.lower().strip("x"))
    if number < 1:
        raise ValueError(text)
    return number


whole_number.__name__ = "whole number above 0"  # argparse puts the function's name into its message


def number(text: str) -> float:
    """Read a number."""
    return float(text)


def selection(text: str) -> int | slice | list[int]:
    """Read a selection of slices: ``80``, ``80:100``, ``0:100:5`` or ``10,20,30``."""
    if ":" in text:
        parts = [int(part) if part else None for part in text.split(":")]
        if len(parts) > 3 or parts[2:] == [0]:
            raise ValueError(text)
        return slice(*parts)
    numbers = [int(part) for part in text.split(",")]
    return numbers[0] if len(numbers) == 1 else numbers


selection.__name__ = "selection of slices"
