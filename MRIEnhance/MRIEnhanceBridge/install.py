"""Installing what the worker's interpreter lacks.

Nothing here runs when Slicer starts or when a module is opened: it runs when somebody has asked for a result, and has
agreed. The library itself is never installed, it comes with the extension; only its requirements are.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import inspect
import logging
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from slicer.i18n import tr as _

from MRIEnhanceBridge.errors import BridgeError
from MRIEnhanceBridge.interpreter import Interpreter
from MRIEnhanceBridge.listening import listening

REQUESTER = "MRIEnhance"
_BASIC = {"numpy", "simpleitk"}
_KEPT = ("numpy", "scipy", "SimpleITK", "pydicom", "pillow", "requests")
"""What Slicer ships and imports itself. Not setuptools: some versions of torch need an older one than Slicer's."""


def install(missing: Sequence[str], interpreter: Interpreter, *, ask: bool = True) -> None:
    """Install packages into Slicer's own Python, after one question.

    The worker must be stopped before (Windows does not replace files that are in use) and asked again for what is
    missing afterwards: in testing mode nothing is installed and no error is raised, as with Slicer's own
    ``pip_ensure``, and an installation that ends well may still not be what the worker needs.

    PyTorch comes through the PyTorch extension, which picks the build that fits the graphics card. That extension is
    installed together with this one by the Extensions Manager, so it is absent only where this one was put in place
    by hand. Then the general build from the index is offered, and the question says what is lost with it: it may not
    use the graphics card, and the extension does not replace it later. Without a question it is not taken: nobody
    would learn of the loss.

    What Slicer ships for itself (numpy, SimpleITK ...) is held at its version meanwhile: Slicer did not start any more
    after others had replaced it.

    Parameters
    ----------
    missing
        Requirements as the worker lists them, such as ``torch>=2.6``.
    interpreter
        The worker's.
    ask
        Whether a person is there to be asked. If not, no dialog is opened, whatever happens.

    Raises
    ------
    BridgeError
        If the interpreter is not Slicer's own, if the user declines, or if the installation fails.
    """
    if not missing:
        return
    if not interpreter.ours:
        raise _foreign(missing, interpreter)
    if basic := [requirement for requirement in missing if _name(requirement) in _BASIC]:
        message = _("Slicer's own Python lacks {packages}").format(packages=", ".join(basic))
        raise BridgeError(message, _("install 3D Slicer again, 5.10 or later"))
    torch = next((requirement for requirement in missing if _name(requirement) == "torch"), "")
    extension = _pytorch_extension() if torch else None
    plain = bool(torch) and extension is None
    if plain and not ask:
        raise BridgeError(_("PyTorch is not installed, and the PyTorch extension is missing"), _get_extension())
    if slicer.app.testingEnabled():
        logging.info("%s: testing mode, %s not installed", REQUESTER, ", ".join(missing))
        return
    if ask and not _agreed(missing, plain=plain):
        message = _("{packages} must be installed first").format(packages=", ".join(missing))
        raise BridgeError(
            message, _("press Apply again and agree, or choose another Python interpreter"), kind="Declined"
        )
    others = [requirement for requirement in missing if requirement != torch or plain]
    with _own_packages_kept():
        if others:
            _install_with_pip(others, show_progress=ask)
        if extension is not None:
            _install_torch(extension, torch)


def _name(requirement: str) -> str:
    """Name of the package in a requirement, as pip compares names."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else ""


def _foreign(missing: Sequence[str], interpreter: Interpreter) -> BridgeError:
    """The refusal to change an interpreter that belongs to somebody else, with the command that they may run."""
    command = [interpreter.executable, "-m", "pip", "install", *missing]
    # Quotes keep the shell from taking ">=" for a redirection.
    line = " ".join(f'"{word}"' if ">" in word or " " in word else word for word in command)
    if sys.platform != "win32":
        line = shlex.join(command)
    message = _("{python} has no {packages}").format(python=interpreter.executable, packages=", ".join(missing))
    return BridgeError(message, _("run this in a terminal: {command}").format(command=line))


def _pytorch_extension() -> Any:
    """The logic of the PyTorch extension; None without it."""
    try:
        from PyTorchUtils import PyTorchUtilsLogic
    except ImportError:
        return None
    return PyTorchUtilsLogic()


def _get_extension() -> str:
    return _("install the PyTorch extension in the Extensions Manager and start Slicer again")


def _agreed(missing: Sequence[str], *, plain: bool) -> bool:
    """Ask once for everything, so that nobody has to agree twice for one click."""
    parts = [
        _("These Python packages are needed and not installed: {packages}.").format(packages=", ".join(missing)),
        _(
            "They are downloaded from the internet into Slicer's own Python. "
            "This may be some gigabytes and take minutes."
        ),
    ]
    if plain:
        parts += [
            _(
                "The PyTorch extension is missing. It picks the PyTorch that fits the graphics card; "
                "without it the general one is installed, which may compute on the processor only, "
                "and the extension does not replace it later."
            ),
            _("Better: cancel, {advice}.").format(advice=_get_extension()),
        ]
    parts.append(_("Install now?"))
    title = _("{requester}: install Python packages").format(requester=REQUESTER)
    return bool(slicer.util.confirmOkCancelDisplay("\n\n".join(parts), windowTitle=title))


@contextlib.contextmanager
def _own_packages_kept() -> Iterator[None]:
    """Make every pip that is started in this block keep what Slicer ships.

    pip and the PyTorch extension's light-the-torch both read the environment variable; the extension has no other way
    to be told. The variable is a list with spaces between, so that the path is given as a URL, which has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "constraints.txt")
        file.write_text("".join(f"{name}=={version}\n" for name, version in _versions(_KEPT).items()), encoding="utf-8")
        before = os.environ.get("PIP_CONSTRAINT")
        os.environ["PIP_CONSTRAINT"] = f"{before or ''} {file.as_uri()}".strip()
        try:
            yield
        finally:
            if before is None:
                del os.environ["PIP_CONSTRAINT"]
            else:
                os.environ["PIP_CONSTRAINT"] = before


def _versions(names: Sequence[str]) -> dict[str, str]:
    """Versions of those that are installed; Slicer's own Python and the application share their packages."""
    importlib.invalidate_caches()
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _install_with_pip(requirements: list[str], *, show_progress: bool) -> None:
    with listening() as heard:
        try:
            ensure = _pip_ensure()
            if ensure is None:  # Slicer 5.10
                slicer.util.pip_install(requirements)
            else:
                from packaging.requirements import Requirement

                # The question has been asked, and the worker is a process of its own: no restart is needed.
                ensure(
                    [Requirement(requirement) for requirement in requirements],
                    prompt_install=False,
                    prompt_restart=False,
                    requester=REQUESTER,
                    show_progress=show_progress,
                )
        except (subprocess.CalledProcessError, RuntimeError, OSError) as error:
            raise _failed(requirements, heard.text, error) from error


def _pip_ensure() -> Any:
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        return None
    return pip_ensure


def _install_torch(extension: Any, requirement: str) -> None:
    """Let the PyTorch extension install torch.

    Afterwards the extension imports it into Slicer itself. Where only that fails, torch is there all the same, and the
    worker will say whether it can use it.
    """
    wanted = {
        "askConfirmation": False,
        "torchVersionRequirement": requirement.split(";")[0].strip()[len("torch") :].strip(),
    }
    known = inspect.signature(extension.installTorch).parameters  # older versions of the extension know less
    arguments = {name: value for name, value in wanted.items() if name in known}
    before = _versions(["torch"])
    with listening() as heard:
        try:
            installed = extension.installTorch(**arguments)
        except Exception as error:  # whatever the extension, light-the-torch and the import of torch may raise
            if _versions(["torch"]) == before:
                raise _failed([requirement], heard.text, error) from error
            logging.warning("%s: torch was installed, but not imported: %s", REQUESTER, error)
            return
    if installed is None:
        raise _failed([requirement], heard.text, None)


def _failed(requirements: Sequence[str], log: str, error: Exception | None) -> BridgeError:
    """What to say of a failure: pip's own reason, where it gave one."""
    reasons = [line for line in log.splitlines() if line.startswith("ERROR:")]
    reason = reasons[0].removeprefix("ERROR:").strip() if reasons else _("see the Python console")
    message = _("{packages} could not be installed: {reason}").format(packages=", ".join(requirements), reason=reason)
    hint = _("see that the internet can be reached and the disk has space, start Slicer again, and try again")
    details = "\n".join([*([] if error is None else traceback.format_exception(error)), log])
    return BridgeError(message, hint, kind="Installation", details=details)
