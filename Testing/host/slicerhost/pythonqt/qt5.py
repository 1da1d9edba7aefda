"""What Qt 6 has and Qt 5 has not: Slicer's own Qt is 5.15 on most machines, so none of it is offered."""

from typing import Any

#: Classes that came with Qt 6 (of those that a module could meet).
CLASSES = {
    "QBluetoothPermission",
    "QCalendarPermission",
    "QCameraPermission",
    "QContactsPermission",
    "QEventPoint",
    "QInputDevice",
    "QKeyCombination",
    "QLocationPermission",
    "QMicrophonePermission",
    "QNativeIpcKey",
    "QPermission",
    "QPointerEvent",
    "QPointingDevice",
    "QSinglePointEvent",
    "QStringConverter",
    "QStringConverterBase",
    "QStringDecoder",
    "QStringEncoder",
}

#: Members that came with Qt 6, by class.
MEMBERS = {
    "QCheckBox": ["checkStateChanged"],
    "QColor": ["fromString", "isValidColorName"],
    "QFormLayout": ["isRowVisible", "setRowVisible"],
    "QGuiApplication": ["setBadgeNumber"],
    "QMessageBox": ["options", "setOption", "setOptions", "testOption"],
    "QMouseEvent": ["globalPosition", "position", "scenePosition"],
    "QPalette": ["Accent", "accent"],
    "QProcess": ["setUnixProcessParameters", "startCommand", "unixProcessParameters"],
    "QStyleHints": ["colorScheme", "colorSchemeChanged", "setColorScheme", "unsetColorScheme"],
    "QThread": ["isCurrentThread"],
    "QWidget": ["accessibleIdentifier", "setAccessibleIdentifier"],
}


class Missing:
    """A member that Qt 5 does not have: as if it were not there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__} has no attribute named '{self.name}' (Qt 6 has, Qt 5 has not)")

    def assign(self, wrapper: Any, name: str, value: Any) -> None:
        self.__get__(wrapper, type(wrapper))


def missing(class_name: str) -> dict[str, Missing]:
    """Members of a class to hide."""
    return {name: Missing(name) for name in MEMBERS.get(class_name, [])}
