"""``mrienhance worker``: computes for another program, which talks to it in JSON lines on its standard streams.

The protocol is described in ``docs/worker-protocol.md`` beside the library's sources. Greeting and listing the models
need nothing but Python; torch and the rest are loaded by the first request that needs them.
"""

from __future__ import annotations

import argparse
from typing import Any

from mrienhance.cli.parser import add_command

_DESCRIPTION = """\
Compute for another program: it writes requests to stdin and reads answers from
stdout, one JSON object a line; stderr is a log. Models stay loaded in between.

This is for programs, such as the extension of 3D Slicer. People use the other
commands. The protocol: MRIEnhanceLib/docs/worker-protocol.md in the sources."""


def add(commands: Any) -> None:
    """Add the command."""
    parser = add_command(
        commands, "worker", summary="compute for another program, in JSON lines", example="mrienhance worker"
    )
    parser.description = _DESCRIPTION
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Serve until the input ends; the process ends with it."""
    from mrienhance.cli.worker.serve import serve

    serve()
