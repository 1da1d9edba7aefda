"""bin/PythonSlicer: a launcher that starts the real interpreter as a child and waits for it, as Slicer's does.

Killing the launcher alone leaves the interpreter behind: who starts a worker has to end the whole process tree.
"""

import sys
from pathlib import Path

_SCRIPT = """#!{python} -IS
import subprocess, sys
sys.exit(subprocess.run([{python!r}, *sys.argv[1:]]).returncode)
"""


def make_home(folder: Path) -> Path:
    """Make a folder that stands for Slicer's installation, with bin/PythonSlicer in it."""
    home = folder / "home"
    (home / "bin").mkdir(parents=True)
    launcher = home / "bin" / "PythonSlicer"
    launcher.write_text(_SCRIPT.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)
    return home
