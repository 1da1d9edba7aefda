"""slicer.app.moduleManager() and what stands behind it."""

import sys
from typing import Any

from .signals import Signals


class FactoryManager:
    """moduleManager().factoryManager(), as far as slicer.util uses it."""

    def __init__(self, manager: "ModuleManager") -> None:
        self._manager = manager

    def loadedModuleNames(self) -> list[str]:
        """Names of the modules that loaded."""
        return self._manager.modulesNames()

    def isLoaded(self, name: str) -> bool:
        """True where the module loaded."""
        return name in self._manager.modulesNames()


class ModuleManager(Signals):
    """The modules by their names."""

    _signals = ("moduleLoaded", "moduleAboutToBeUnloaded", "moduleUnloaded")

    def __init__(self) -> None:
        super().__init__()
        self._factory = FactoryManager(self)

    def factoryManager(self) -> FactoryManager:
        """Knows what was loaded."""
        return self._factory

    def modulesNames(self) -> list[str]:
        """Names of the modules that loaded, built-in ones too."""
        return [name for name in vars(sys.modules["slicer.moduleNames"]) if not name.startswith("_")]

    def module(self, name: str) -> Any:
        """Module object, or None."""
        found = getattr(sys.modules["slicer.modules"], name.lower(), None)
        return found if getattr(found, "name", "") == name else None
