"""A worker whose answers need no network, each with one manner that a test wants to see."""

import hashlib
import math
import os
import sys
import time
from typing import Any

from mrienhance.cli.worker.channel import Channel
from mrienhance.cli.worker.desk import Desk
from mrienhance.cli.worker.fields import Fields, whole
from mrienhance.cli.worker.serve import Server, prepare
from mrienhance.errors import ImageError


def echo(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Say the same, and talk on stdout as libraries do."""
    sys.stdout.write("a library that talks\n")
    sys.stdout.flush()
    os.write(1, b"a library in C that talks\n")
    number = fields.required("number", whole(0))
    fields.finish()
    return {"number": number, "rest": sys.stdin.read()}


def patient(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Work until asked to stop, and tell of it far too often."""
    began = time.monotonic()
    for step in range(10**9):
        desk.stage(step / 10**4, "Working")
        if time.monotonic() - began > 120:
            break
    return {}


def deaf(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Hear nothing for minutes, in C, where no signal handler of Python runs."""
    desk.stage(0.5, "Deaf")
    hashlib.pbkdf2_hmac("sha512", b"", b"", 2**30)
    return {}


def steps(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Tell of progress that falls, and of an end before it is there."""
    for fraction in (0.5, 0.25, 1.0):
        desk.stage(fraction, f"At {fraction}")
    return {}


def refuse(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Refuse as the library does."""
    raise ImageError("two\nlines: \u00e4", hint="one\nhint")


def crash(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Fail as a mistake does."""
    return {"quotient": 1 / 0}


def leave(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Fail as a library does that wants the process to end."""
    sys.exit(3)


def hungry(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Ask for more memory than there can be."""
    return {"bytes": len(bytearray(2**62))}


def nan(fields: Fields, desk: Desk) -> dict[str, Any]:
    """Answer with what JSON does not have."""
    return {"value": math.nan}


if __name__ == "__main__":
    prepare()
    answers = (echo, patient, deaf, steps, refuse, crash, leave, hungry, nan)
    Server(Channel.standard(), {answer.__name__: answer for answer in answers}, os._exit).run()
