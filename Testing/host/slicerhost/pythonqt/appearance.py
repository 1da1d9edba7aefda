"""How everything looks: the same on every machine, and readable in screenshots."""

from PySide6 import QtGui, QtWidgets


def apply(application: QtWidgets.QApplication) -> None:
    """Fusion style, light colours, DejaVu Sans where it is installed."""
    application.setStyle("Fusion")
    style = application.style()
    application.setPalette(style.standardPalette())
    if "DejaVu Sans" in QtGui.QFontDatabase.families():
        application.setFont(QtGui.QFont("DejaVu Sans", 9))
