"""Starts the application: the modules ``slicer``, ``qt`` and ``ctk``, the scene, the application object."""

import dataclasses
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

from . import home, state
from .scene import Scene


@dataclasses.dataclass
class Host:
    """What the running stand-in owns.

    Parameters
    ----------
    slicer
        The ``slicer`` package.
    scene
        The scene with its logics.
    folder
        Temporary folder with the installation and the settings; removed at exit.
    """

    slicer: Any
    scene: Scene
    folder: tempfile.TemporaryDirectory[str]


def begin() -> Host:
    """Start; to be called once in a process."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    import slicer

    from . import application, errors, module_objects, popups, pythonqt, qmrml_widgets, threads, util

    errors.install()
    threads.guard(slicer)
    util.forget_false_names(slicer)
    folder = tempfile.TemporaryDirectory(prefix="slicerhost-", ignore_cleanup_errors=True)
    place = home.make_home(Path(folder.name))
    qapplication, qt, ctk = pythonqt.build()
    sys.modules.update(qt=qt, ctk=ctk)
    application.private_settings(qapplication, qt, folder.name)
    scene = Scene(slicer, place)
    slicer.mrmlScene = scene.mrml
    slicer.app = application.Application(qapplication, scene, place)
    home.launched_environment(place)
    _add_python_layer(slicer)
    qmrml_widgets.register(slicer)
    module_objects.register(slicer)
    popups.install(qt, ctk)
    util.mend(slicer)
    scene.build()
    return Host(slicer, scene, folder)


def _add_python_layer(slicer: Any) -> None:
    """Add the modules of Slicer's Python layer; the built-in modules of a running Slicer have imported these."""
    from . import i18n, parameternode, scripted

    slicer.selfTests = {}
    layer: dict[str, types.ModuleType] = {
        "modules": types.ModuleType("slicer.modules"),
        "moduleNames": types.ModuleType("slicer.moduleNames"),
        "ScriptedLoadableModule": scripted,
        "i18n": i18n,
        "parameterNodeWrapper": parameternode,
    }
    for name, module in layer.items():
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)
    sys.meta_path.insert(0, packaging_finder)


class PackagingFinder(importlib.abc.MetaPathFinder):
    """Makes ``import slicer.packaging`` work in Slicer 5.12 and fail in 5.10."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Answer for slicer.packaging alone."""
        if name != "slicer.packaging" or state.current.version == "5.10":
            return None
        return importlib.util.spec_from_file_location(name, Path(__file__).with_name("slicer_packaging.py"))

    def forget(self, slicer: Any) -> None:
        """Make ``slicer.packaging`` no attribute again, until it is imported."""
        sys.modules.pop("slicer.packaging", None)
        vars(slicer).pop("packaging", None)


packaging_finder = PackagingFinder()
