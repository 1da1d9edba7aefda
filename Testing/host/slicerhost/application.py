"""slicer.app: what scripted modules reach of qSlicerApplication, and nothing that is not there.

Names and kinds (value or method) are those of Slicer's qSlicerCoreApplication.h, qSlicerApplication.h and of
QApplication: properties are values (``slicer.app.temporaryPath``), the rest are methods.
"""

import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from . import state
from .io import CoreIOManager
from .managers import ModuleManager
from .options import CommandOptions
from .signals import Signals
from .views import LayoutManager


class Application(Signals):
    """The one application object.

    Parameters
    ----------
    qapplication
        The QApplication.
    scene
        The `slicerhost.scene.Scene`.
    home
        Folder that stands for the installation.
    """

    _signals = ("startupCompleted", "aboutToQuit", "mrmlSceneChanged", "lastWindowClosed", "urlReceived")

    def __init__(self, qapplication: Any, scene: Any, home: Path) -> None:
        self._closed = False
        self._qapplication = qapplication
        self._scene = scene
        self._folder = tempfile.TemporaryDirectory(prefix="Slicer-stand-in-", ignore_cleanup_errors=True)
        self.temporaryPath = str(Path(self._folder.name) / "Slicer")
        self.slicerHome = str(home)
        self.applicationName = "Slicer"
        self.mainApplicationName = "Slicer"
        self.organizationName = "slicer.org"
        self.documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"
        self.platform = f"{self.os}-{self.arch}"
        self.returnCode: int | None = None
        self.restartRequested = False
        self._options = CommandOptions()
        self._io = CoreIOManager(self)
        self._managers = ModuleManager()
        self._layout = LayoutManager(scene)
        self._startup_environment = dict(os.environ)
        super().__init__()
        Path(self.temporaryPath).mkdir()
        self._closed = True

    def __setattr__(self, name: str, value: object) -> None:
        # PythonQt: "creating new attributes on C++ objects is not allowed".
        if getattr(self, "_closed", False) and not name.startswith("_") and name not in self.__dict__:
            raise AttributeError(
                f"{name!r} does not exist on qSlicerApplication and creating new attributes is not allowed"
            )
        super().__setattr__(name, value)

    def reset(self) -> None:
        """Between tests: connections, exit code, settings and cursor as at the start."""
        self._forget_connections()
        self._managers._forget_connections()
        self.returnCode = None
        self.restartRequested = False
        self._options = CommandOptions()
        self.userSettings().clear()
        while self._qapplication.overrideCursor() is not None:
            self._qapplication.restoreOverrideCursor()

    # Version and place

    @property
    def os(self) -> str:
        """``linux``, ``macosx`` or ``win``."""
        return {"Darwin": "macosx", "Windows": "win"}.get(platform.system(), "linux")

    @property
    def arch(self) -> str:
        """``amd64`` or ``arm64``."""
        return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "amd64"

    @property
    def majorVersion(self) -> int:
        """5."""
        return int(state.current.version.split(".")[0])

    @property
    def minorVersion(self) -> int:
        """10 or 12."""
        return int(state.current.version.split(".")[1])

    @property
    def applicationVersion(self) -> str:
        """Version with the revision's date, as in Slicer's title bar."""
        return f"{state.current.version}.0-2026-01-01"

    def startupEnvironment(self) -> Any:
        """Environment from before the launcher, as QProcessEnvironment."""
        import qt

        environment = qt.QProcessEnvironment()
        for name, value in self._startup_environment.items():
            environment.insert(name, value)
        return environment

    # What the application owns

    def mrmlScene(self) -> Any:
        """slicer.mrmlScene."""
        return self._scene.mrml

    def applicationLogic(self) -> Any:
        """vtkSlicerApplicationLogic."""
        return self._scene.application_logic

    def coreIOManager(self) -> CoreIOManager:
        """Reads and writes nodes."""
        return self._io

    ioManager = coreIOManager

    def moduleManager(self) -> ModuleManager:
        """Knows the modules."""
        return self._managers

    def layoutManager(self) -> LayoutManager | None:
        """None without a main window."""
        return self._layout if state.current.main_window else None

    def commandOptions(self) -> CommandOptions:
        """How the application was started."""
        return self._options

    def userSettings(self) -> Any:
        """Private settings: a file in the temporary folder, never the user's own."""
        import qt

        return qt.QSettings()

    settings = userSettings
    revisionUserSettings = userSettings

    def testingEnabled(self) -> bool:
        """True as with ``--testing``."""
        return state.current.testing

    # Qt

    def processEvents(self, *flags: Any) -> None:
        """Let Qt work."""
        self._qapplication.processEvents(*flags)

    def setOverrideCursor(self, cursor: Any) -> None:
        """Set a wait cursor."""
        self._qapplication.setOverrideCursor(cursor)

    def restoreOverrideCursor(self) -> None:
        """Take the wait cursor back."""
        self._qapplication.restoreOverrideCursor()

    def overrideCursor(self) -> Any:
        """The wait cursor, or None."""
        return self._qapplication.overrideCursor()

    def topLevelWidgets(self) -> list[Any]:
        """Main window first."""
        from . import windows

        main = windows.main_window()
        others = [widget for widget in self._qapplication.topLevelWidgets() if widget is not main]
        return [main, *others] if main is not None else others

    def thread(self) -> Any:
        """The main thread."""
        return self._qapplication.thread()

    def clipboard(self) -> Any:
        """The clipboard of the offscreen platform."""
        return self._qapplication.clipboard()

    def keyboardModifiers(self) -> Any:
        """Keys held down."""
        return self._qapplication.keyboardModifiers()

    def palette(self) -> Any:
        """Colours."""
        return self._qapplication.palette()

    def style(self) -> Any:
        """Looks."""
        return self._qapplication.style()

    def pauseRender(self) -> None:
        """Views wait; there is nothing to see here."""
        self.applicationLogic().PauseRender()

    def resumeRender(self) -> None:
        """Views go on."""
        self.applicationLogic().ResumeRender()

    def translate(self, context: str, text: str) -> str:
        """Give the text, or what `slicerhost.translations` makes of it."""
        from .i18n import translations

        return translations.translate(context, text)

    def moduleDocumentationUrl(self, name: str) -> str:
        """Address of a module's page."""
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def openUrl(self, url: str) -> None:
        """Open nothing."""

    # The end

    def exit(self, code: int = 0) -> None:
        """Keep the code; the command line ends with it once the events are done."""
        self.returnCode = int(code)

    def quit(self) -> None:
        """Exit with 0."""
        self.exit(0)

    def restart(self) -> None:
        """Remembered in `restartRequested`, never done."""
        self.restartRequested = True


def private_settings(qapplication: Any, qt: Any, folder: str) -> None:
    """Point every QSettings of this process into `folder`; ``qt.QSettings()`` is the application's."""
    for kind in (qt.QSettings.IniFormat, qt.QSettings.NativeFormat):
        qt.QSettings.setPath(kind, qt.QSettings.UserScope, folder)
        qt.QSettings.setPath(kind, qt.QSettings.SystemScope, folder)
    qt.QSettings.setDefaultFormat(qt.QSettings.IniFormat)
    qapplication.setOrganizationName("slicer.org")
    qapplication.setApplicationName("Slicer")
