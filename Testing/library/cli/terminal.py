"""Somebody at a terminal: runs commands, reads what is said, and looks at what lies in the folder afterwards."""

import io
import shlex
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from mrienhance.cli.main import main


class Terminal:
    """Runs ``mrienhance`` in a folder of its own.

    Attributes
    ----------
    folder
        Where the commands run.
    out, err
        What the last command wrote.
    """

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capture = folder, capture
        self.out = self.err = ""

    def run(self, arguments: Sequence[object]) -> int:
        """Run a command and give its exit code."""
        self._capture.readouterr()
        code = main([str(argument) for argument in arguments])
        self.out, self.err = self._capture.readouterr()
        return code

    def done(self, *arguments: object) -> list[str]:
        """Run a command that must succeed, and give the lines it wrote to stdout."""
        assert self.run(arguments) == 0, self.err
        return self.out.splitlines()

    def refused(self, arguments: Sequence[object], *, code: int = 1) -> tuple[str, str]:
        """Run a command that must refuse in one line and a hint and change nothing; give both."""
        before = self.listing()
        assert self.run(arguments) == code, self.err
        assert self.listing() == before
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 2, self.err
        assert lines[0].startswith("mrienhance: error: ")
        assert lines[1].startswith("  hint: ")
        return lines[0].removeprefix("mrienhance: error: "), lines[1].removeprefix("  hint: ")

    def listing(self) -> dict[str, tuple[int, bytes]]:
        """Every file below the folder: when it was changed, and what is in it."""
        return {
            str(path.relative_to(self.folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in sorted(self.folder.rglob("*"))
        }


def example_of(command: Sequence[str]) -> list[str]:
    """Arguments of the example in a command's help."""
    text = io.StringIO()
    with redirect_stdout(text):
        main([*command, "--help"])
    return shlex.split(text.getvalue().splitlines()[-1])[1:]
