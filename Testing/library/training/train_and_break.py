"""``mrienhance train`` in a process that something happens to: ``python train_and_break.py WHAT AT OPTIONS...``.

``half``: killed when half of the state of step AT is written. ``full``: the disk is full from the state of step AT on.
``never``: nothing happens from within.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from mrienhance.cli.main import main
from mrienhance.training import states


def break_at(what: str, at: int) -> None:
    write = states.write_state

    def breaking(path: Path, state: Any) -> None:
        if state.facts["status"]["step"] >= at:
            if what == "full":
                resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
            else:
                Path.write_bytes = half  # type: ignore[method-assign]
        write(path, state)

    def half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    states.write_state = breaking


if __name__ == "__main__":
    if sys.argv[1] != "never":
        break_at(sys.argv[1], int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
