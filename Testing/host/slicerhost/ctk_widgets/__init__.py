"""Stand-ins for the widgets of the module ctk, with the names, properties and signals of CTK's headers."""

import types

from ..pythonqt import standin
from .boxes import ctkCheckBox, ctkComboBox, ctkDoubleSpinBox, ctkMessageBox
from .collapsible import ctkCollapsibleButton, ctkCollapsibleGroupBox
from .paths import ctkDirectoryButton, ctkPathLineEdit
from .ranges import ctkRangeWidget
from .sliders import ctkDoubleSlider, ctkSliderWidget

CLASSES = [
    ctkCheckBox,
    ctkCollapsibleButton,
    ctkCollapsibleGroupBox,
    ctkComboBox,
    ctkDirectoryButton,
    ctkDoubleSlider,
    ctkDoubleSpinBox,
    ctkMessageBox,
    ctkPathLineEdit,
    ctkRangeWidget,
    ctkSliderWidget,
]


def register(ctk: types.ModuleType) -> None:
    """Offer the stand-ins in the module `ctk`."""
    standin.register(ctk, CLASSES)
