"""ctkPathLineEdit and ctkDirectoryButton: a line with a path, and a button with a folder."""

import enum

from PySide6.QtCore import Property, QDir, QSettings, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStyle,
    QToolButton,
    QWidget,
)

from ..pythonqt import dialogs
from ..pythonqt.standin import slot, stored


class ctkPathLineEdit(QWidget):
    """An editable combo box with earlier paths, and a button that opens a file dialog."""

    class Filter(enum.IntFlag):
        """Kinds of paths."""

        Dirs = 0x001
        Files = 0x002
        Drives = 0x004
        NoSymLinks = 0x008
        AllEntries = 0x007
        TypeMask = 0x00F
        Readable = 0x010
        Writable = 0x020
        Executable = 0x040
        PermissionMask = 0x070
        Modified = 0x080
        Hidden = 0x100
        System = 0x200
        AccessMask = 0x3F0
        AllDirs = 0x400
        CaseSensitive = 0x800
        NoDotAndDotDot = 0x1000
        NoDot = 0x2000
        NoDotDot = 0x4000

    class Option(enum.IntFlag):
        """Options of the file dialog."""

        ShowDirsOnly = 0x01
        DontResolveSymlinks = 0x02
        DontConfirmOverwrite = 0x04
        DontUseSheet = 0x08
        DontUseNativeDialog = 0x10
        ReadOnly = 0x20
        HideNameFilterDetails = 0x40

    class SizeAdjustPolicy(enum.IntEnum):
        """How the size follows the contents."""

        AdjustToContents = 0
        AdjustToContentsOnFirstShow = 1
        AdjustToMinimumContentsLength = 2

    validInputChanged = Signal(bool)
    currentPathChanged = Signal(str)

    label = stored(str, "")
    filters = stored(int, (Filter.AllEntries | Filter.NoDotAndDotDot | Filter.Readable | Filter.Executable).value)
    options = stored(int, 0)
    nameFilters = stored("QStringList", [])
    minimumContentsLength = stored(int, 0)
    sizeAdjustPolicy = stored(int, SizeAdjustPolicy.AdjustToContentsOnFirstShow.value)
    settingKey = stored(str, "", lambda self: self.retrieveHistory())
    showHistoryButton = stored(bool, True)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._valid = False
        self._combo = QComboBox(self)
        self._combo.setEditable(True)
        self._combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self._combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._browse = QToolButton(self, text="...")
        self._browse.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self._browse.clicked.connect(self.browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._combo)
        row.addWidget(self._browse)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._combo.lineEdit().textChanged.connect(self._on_text)

    def _on_text(self, text: str) -> None:
        # ctkPathLineEdit::updateHasValidInput: with no name filters, any text but the empty one is acceptable
        # (ctk::nameFiltersToRegExp gives ".+"), and the path is told of only while it is.
        valid = bool(text)
        if valid:
            self.currentPathChanged.emit(self._combo.currentText())
        if valid != self._valid:
            self._valid = valid
            self.validInputChanged.emit(valid)

    @slot("QString")
    def setCurrentPath(self, path: str) -> None:
        """Show a path."""
        self._combo.lineEdit().setText(QDir.fromNativeSeparators(path))

    currentPath = Property(str, lambda self: self._combo.currentText(), setCurrentPath, user=True)
    showBrowseButton = Property(
        bool, lambda self: not self._browse.isHidden(), lambda self, shown: self._browse.setVisible(shown)
    )

    @slot()
    def browse(self) -> None:
        """Ask for a path in a dialog; cancelled, the old one stays."""
        files_wanted, writable = self.filters & self.Filter.Files, self.filters & self.Filter.Writable
        kind = ("getSaveFileName" if writable else "getOpenFileName") if files_wanted else "getExistingDirectory"
        path = dialogs.ask_path(kind, self.label or "Select a path", self.currentPath, ";;".join(self.nameFilters))
        if path:
            self.setCurrentPath(path)

    def _key(self) -> str:
        return f"ctkPathLineEdit/{self.settingKey or self.objectName()}"

    @slot()
    def retrieveHistory(self) -> None:
        """Offer the paths that were kept in the settings."""
        path = self.currentPath
        history = QSettings().value(self._key(), [])
        self._combo.blockSignals(True)
        self._combo.clear()
        self._combo.addItems([history] if isinstance(history, str) else list(history or []))
        self._combo.blockSignals(False)
        self.setCurrentPath(path or self._combo.itemText(0))

    @slot()
    def addCurrentPathToHistory(self) -> None:
        """Keep the path in the settings."""
        path = self.currentPath
        if path:
            kept = [path] + [
                self._combo.itemText(i) for i in range(self._combo.count()) if self._combo.itemText(i) != path
            ]
            QSettings().setValue(self._key(), kept[:5])
            self.retrieveHistory()


class ctkDirectoryButton(QWidget):
    """A button that shows a folder and asks for another."""

    Option = ctkPathLineEdit.Option

    directoryChanged = Signal(str)
    directorySelected = Signal(str)

    caption = stored(str, "")
    acceptMode = stored(int, QFileDialog.AcceptMode.AcceptOpen.value)
    options = stored(int, 0)
    elideMode = stored(int, Qt.TextElideMode.ElideMiddle.value)
    text = stored(str, "", lambda self: self._refresh())
    icon = stored(QIcon, QIcon(), lambda self: self._refresh())

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._directory = QDir.currentPath()
        self._button = QPushButton(self)
        self._button.clicked.connect(self.browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._button)
        self.icon = self.style().standardIcon(QStyle.StandardPixmap.SP_DirIcon)
        self._refresh()

    def _refresh(self) -> None:
        self._button.setText(self.text or self._directory)
        self._button.setIcon(self.icon)

    def _set_directory(self, path: str) -> None:
        new = QDir(path or ".").absolutePath()
        changed, self._directory = new != self._directory, new
        self._refresh()
        if changed:
            self.directoryChanged.emit(new)
        self.directorySelected.emit(new)

    directory = Property(str, lambda self: self._directory, _set_directory, notify=directoryChanged, user=True)

    @slot()
    def browse(self) -> str:
        """Ask for a folder in a dialog; cancelled, the old one stays."""
        path = dialogs.ask_path("getExistingDirectory", self.caption or "Select a folder", self._directory, "")
        if path:
            self._set_directory(path)
        return path
