"""The other end of the worker's protocol: the least that a program must do, with a deadline on everything."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

import mrienhance

SOURCES = Path(mrienhance.__file__).parents[1]
COMMAND = (sys.executable, "-m", "mrienhance.cli", "worker")
SECONDS = 300.0
"""Far more than anything here takes."""


@dataclass(frozen=True)
class Answered:
    """All lines on one request: its progress, and what ended it."""

    progress: list[dict[str, Any]]
    end: dict[str, Any]


class WorkerClient:
    """A worker process, and what it has said.

    Use it as a context manager: it ends the process.
    """

    def __init__(self, command: Sequence[str] = COMMAND, variables: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment() | dict(variables or {}),
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._log: list[bytes] = []
        self._early: list[dict[str, Any]] = []
        self._last = 0
        self._threads = [
            threading.Thread(target=self._hear, daemon=True),
            threading.Thread(target=lambda: self._log.extend(self.process.stderr), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(SECONDS)
        for thread in self._threads:
            thread.join(SECONDS)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def _hear(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def line(self) -> bytes:
        """The next line as it was sent; empty at the end."""
        try:
            return self._lines.get(timeout=SECONDS)
        except queue.Empty:
            raise AssertionError(f"the worker is silent; its log: {self.log}") from None

    def message(self) -> dict[str, Any]:
        """The next line, read as strictly as JSON is written."""
        line = self.line()
        assert line.endswith(b"\n"), f"the worker has ended; its log: {self.log}"
        assert line.isascii()
        message = json.loads(line, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))
        assert isinstance(message, dict)
        return message

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, do: str, **fields: Any) -> int:
        """Send a request and give its number."""
        self._last += 1
        self.write(json.dumps({"protocol": 1, "id": self._last, "do": do, **fields}).encode() + b"\n")
        return self._last

    def cancel(self, number: int) -> None:
        """Ask a request to stop."""
        self.write(json.dumps({"protocol": 1, "do": "cancel", "id": number}).encode() + b"\n")

    def answered(self, number: int) -> Answered:
        """Everything that is said on a request; what belongs to others is kept for later."""
        progress = []
        while True:
            message = next((said for said in self._early if said.get("id") == number), None)
            if message is not None:
                self._early.remove(message)
            else:
                message = self.message()
                if message.get("id") != number:
                    self._early.append(message)
                    continue
            if message["type"] != "progress":
                return Answered(progress, message)
            progress.append(message)

    def result(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask, and give the result that must come."""
        end = self.answered(self.send(do, **fields)).end
        assert end["type"] == "result", end
        return end

    def error(self, do: str, **fields: Any) -> dict[str, Any]:
        """Ask, and give the error that must come."""
        end = self.answered(self.send(do, **fields)).end
        assert end["type"] == "error", end
        return end

    def ended(self) -> int:
        """Wait for the end of the process and give its exit code."""
        return self.process.wait(SECONDS)

    def logged(self, text: str) -> bool:
        """Wait until something was said on stderr, which has a pipe of its own."""
        until = time.monotonic() + SECONDS
        while text not in self.log and time.monotonic() < until:
            time.sleep(0.01)
        return text in self.log

    @property
    def log(self) -> str:
        """What was said on stderr so far."""
        return b"".join(self._log).decode("utf-8", errors="replace")


def environment() -> dict[str, str]:
    """This process's environment, in which another Python finds the library as this one does."""
    return dict(os.environ) | {"PYTHONPATH": str(SOURCES)}


def hand_over(image: sitk.Image, path: Path) -> dict[str, Any]:
    """Write an image's voxels, and describe it as the protocol wants it."""
    values = sitk.GetArrayFromImage(image)
    path.write_bytes(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return {
        "voxels": str(path),
        "pixel_type": values.dtype.name,
        "size": list(image.GetSize()),
        "spacing": list(image.GetSpacing()),
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
    }


def take_back(described: Mapping[str, Any]) -> sitk.Image:
    """The image that an answer describes."""
    kind = np.dtype(described["pixel_type"]).newbyteorder("<")
    values = np.frombuffer(Path(described["voxels"]).read_bytes(), kind).reshape(described["size"][::-1])
    image = sitk.GetImageFromArray(values.astype(kind.newbyteorder("=")))
    image.SetSpacing(described["spacing"])
    image.SetOrigin(described["origin"])
    image.SetDirection(described["direction"])
    return image
