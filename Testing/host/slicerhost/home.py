"""The folder that stands for Slicer's installation: ``slicer.app.slicerHome``.

``bin/PythonSlicer`` is a launcher, as in Slicer: it starts the real interpreter as a child and waits for it. Killing
the launcher alone leaves the interpreter behind, so who starts a worker has to end the whole process tree.
``share/Slicer-5.12/ColorFiles`` holds colour tables that come with the application, not with slicer-core; their names
are Slicer's, the colours are our own.
"""

import os
import shlex
import sys
from pathlib import Path

SHARE = "share/Slicer-5.12"

# The shell waits for its child, and a path may have spaces. When the child was killed, the launcher complains and ends
# with 1, as ctkAppLauncherInternal::applicationFinished does.
_LAUNCHER = """\
#!/bin/sh
{python} "$@"
code=$?
[ $code -le 128 ] && exit $code
echo 'error: ['{python}'] exit abnormally - Report the problem.' >&2
exit 1
"""
_LABELS = [(0, 0, 0), (128, 174, 128), (241, 214, 145), (177, 122, 101), (111, 184, 210), (216, 101, 79)]


def make_home(folder: Path) -> Path:
    """Make the installation in `folder`; gives its path."""
    home = folder / "Slicer-5.12"
    launcher = home / "bin" / "PythonSlicer"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(_LAUNCHER.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    launcher.chmod(0o755)
    colours = home / SHARE / "ColorFiles"
    colours.mkdir(parents=True)
    (colours / "GenericColors.txt").write_text(_table(_LABELS, first_alpha=0), encoding="utf-8")
    (colours / "DivergingBlueRed.txt").write_text(_table(_diverging()), encoding="utf-8")
    return home


def launched_environment(home: Path) -> None:
    """Give this process what Slicer's launcher gives the application: PythonSlicer on the search path, SLICER_HOME."""
    os.environ["SLICER_HOME"] = str(home)
    os.environ["PATH"] = os.pathsep.join([str(home / "bin"), os.environ.get("PATH", "")])


def _diverging() -> list[tuple[int, int, int]]:
    """From blue through white to red."""
    half = [round(255 * step / 127) for step in range(128)]
    return [(rise, rise, 255) for rise in half] + [(255, rise, rise) for rise in reversed(half)]


def _table(colours: list[tuple[int, int, int]], first_alpha: int = 255) -> str:
    lines = [f"{index} colour_{index} {r} {g} {b} 255" for index, (r, g, b) in enumerate(colours)]
    lines[0] = lines[0].removesuffix("255") + str(first_alpha)
    return "# Color table file\n" + "\n".join(lines) + "\n"
