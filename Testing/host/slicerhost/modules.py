"""Modules as the application discovers them: one ``.py`` file in a module folder is one module.

In Slicer the file is imported, its class ``<Name>`` is made with a qSlicerScriptedLoadableModule as ``parent``, and
``slicer.modules.<lowername>`` and ``slicer.modules.<Name>Instance`` appear. A file that fails to import is printed and
is simply absent. The panel, ``slicer.modules.<Name>Widget``, is made when the module is first shown.
"""

import dataclasses
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from .module_objects import ScriptedModule


@dataclasses.dataclass
class LoadedModule:
    """A module that was loaded, for tests.

    Parameters
    ----------
    name
        The module's name.
    python
        The imported file.
    module
        ``slicer.modules.<lowername>``.
    """

    name: str
    python: ModuleType
    module: ScriptedModule
    widget: Any = None
    parent: Any = None

    def open(self) -> "LoadedModule":
        """Make the panel (``<Name>Widget`` and its ``setup``), show it and enter it."""
        self.parent = self.module.widgetRepresentation()
        self.widget = self.parent.self()
        self.parent.show()
        self.parent.enter()
        return self

    def leave(self) -> None:
        """Show another module: the panel stays, hidden."""
        self.parent.exit()
        self.parent.hide()

    def close(self) -> None:
        """Leave the panel and let it clean up, as when the application ends."""
        import slicer

        if self.widget is None:
            return
        self.leave()
        slicer.app.moduleManager().emit("moduleAboutToBeUnloaded(QString)", self.name)
        self.parent.deleteLater()
        self.module._representation = None
        vars(slicer.modules).pop(f"{self.name}Widget", None)
        self.widget = self.parent = None


_loaded: dict[str, LoadedModule] = {}


def load(path: str | Path) -> LoadedModule:
    """Load one module as the application does at start-up; raises what its import raises."""
    import slicer

    path = Path(path).resolve()
    name = path.stem
    unload(name)
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    python = importlib.util.module_from_spec(spec)
    sys.modules[name] = python
    try:
        spec.loader.exec_module(python)
        if not hasattr(python, name):
            raise ImportError(f"{path.name} has no class {name}")
        module = ScriptedModule(name, path)
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.modules, f"{name}Instance", getattr(python, name)(module))
    except BaseException:
        unload(name)
        sys.modules.pop(name, None)
        raise
    setattr(slicer.moduleNames, name, name)
    _loaded[name] = LoadedModule(name, python, module)
    return _loaded[name]


def discover(folder: str | Path, *, ignored: Sequence[str] = ()) -> list[LoadedModule]:
    """Load every module of a folder; one that fails is printed and left out."""
    found = []
    for path in sorted(Path(folder).glob("*.py")):
        if path.stem in ignored:
            continue
        try:
            found.append(load(path))
        except Exception:
            sys.stderr.write(f"Failed to load module {path.stem}:\n{traceback.format_exc()}")
    return found


def enter(name: str) -> None:
    """Open a loaded module by its name; RuntimeError where there is none."""
    if name not in _loaded:
        raise RuntimeError(f"there is no module {name!r}")
    _loaded[name].open()


def leave(name: str) -> None:
    """Leave a module that was entered."""
    if name in _loaded and _loaded[name].widget is not None:
        _loaded[name].leave()


def unload(name: str) -> None:
    """Forget one module."""
    import slicer

    loaded = _loaded.pop(name, None)
    if loaded is not None:
        loaded.close()
    for owner, attribute in (
        (slicer.modules, name.lower()),
        (slicer.modules, f"{name}Instance"),
        (slicer.modules, f"{name}Widget"),
        (slicer.moduleNames, name),
    ):
        vars(owner).pop(attribute, None)
    slicer.selfTests.pop(name, None)


def unload_all() -> None:
    """Forget every module."""
    for name in list(_loaded):
        unload(name)
