"""Who holds a claim, and whether that process is still alive."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Process:
    """A process of a batch.

    Parameters
    ----------
    host
        Name of its machine, for people.
    machine
        The machine, its last start and, on Linux, the process namespace: only where this is equal, a process number
        means the same. Containers on one machine have equal names and different namespaces.
    pid
        Its number.
    started
        When it began, in the system's ticks, since numbers are used again; empty where the system does not say.
    token
        Makes it one of a kind.
    """

    host: str
    machine: str
    pid: int
    started: str
    token: str

    @classmethod
    def this(cls) -> Process:
        """The process that runs this."""
        pid = os.getpid()
        return cls(platform.node(), _machine(), pid, _stat(pid)[1], secrets.token_hex(4))

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Process | None:
        """A process that was written down; None if that cannot be understood."""
        texts = {name: values.get(name) for name in ("host", "machine", "started", "token")}
        pid = values.get("pid")
        if not all(isinstance(text, str) for text in texts.values()) or type(pid) is not int or pid <= 0:
            return None
        return cls(pid=pid, **{name: str(text) for name, text in texts.items()})

    @property
    def name(self) -> str:
        """A name for files: the machine's, the process's number, and its token."""
        host = "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in self.host)
        return f"{host[:40]}-{self.pid}-{self.token}"

    def ended(self) -> bool | None:
        """Whether it is no more; None where that cannot be known: on another machine, or on Windows."""
        if os.name != "posix" or self.machine != _machine():
            return None
        if platform.system() == "Linux":
            state, started = _stat(self.pid)
            # One that was killed and waits for its parent to notice has ended, too.
            return state in ("", "Z", "X") or started != self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _machine() -> str:
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "|".join(parts)


def _stat(pid: int) -> tuple[str, str]:
    """State and begin of a process, as Linux tells them; empty if there is none, or no Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    # The name of the program, in brackets, may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")
