"""Checks of a panel's form: what Slicer needs of it and keeps silent about when it is missing."""

import re
from collections.abc import Callable, Iterator

from forms import Field, Form, parameters

Check = Callable[[Form], Iterator[str]]

SCENE = ("mrmlSceneChanged(vtkMRMLScene*)", "setMRMLScene(vtkMRMLScene*)")

# Types of fields that Slicer can bind a widget of exactly this class to. Those in brackets need bounds (`WithinRange`).
# Newer Slicers bind the widgets for floats to int as well; older ones do not.
BINDINGS = {
    "QCheckBox": {"bool"},
    "ctkCheckBox": {"bool"},
    "QPushButton": {"bool"},
    "ctkCheckablePushButton": {"bool"},
    "QSlider": {"[int]"},
    "QSpinBox": {"int"},
    "QDoubleSpinBox": {"float"},
    "ctkSliderWidget": {"[float]"},
    "qMRMLSliderWidget": {"[float]"},
    "ctkDoubleSlider": {"float"},
    "ctkDoubleSpinBox": {"float"},
    "qMRMLSpinBox": {"float"},
    "QLineEdit": {"str"},
    "QTextEdit": {"str"},
    "QLabel": {"str"},
    "QComboBox": {"Enum"},
    "ctkComboBox": {"Enum"},
    "ctkRangeWidget": {"FloatRange"},
    "ctkDoubleRangeSlider": {"FloatRange"},
    "qMRMLRangeWidget": {"FloatRange"},
    "ctkPathLineEdit": {"Path"},
    "ctkDirectoryButton": {"Path"},
    "qMRMLNodeComboBox": {"node"},
}
CHOICES = {"int", "float", "str", "bool"}

TEXT = {"QPushButton", "QToolButton", "QCheckBox", "QRadioButton", "ctkCollapsibleButton", "ctkCheckBox", "QLabel"}
VISIBLE = {"text", "title", "toolTip", "placeholderText", "noneDisplay", "specialValueText", "suffix", "prefix"}
DEFAULTS = {"TextLabel", "PushButton", "CheckBox", "RadioButton", "GroupBox", "CollapsibleButton", "..."}


def root_is_a_mrml_widget(form: Form) -> Iterator[str]:
    if form.root.kind != "qMRMLWidget":
        yield f"the root is a {form.root.kind}, which has no scene to pass on"
    if not form.ui.findtext("class") == form.root.name == form.name:
        yield f"the root is named {form.root.name!r}, not after the module"


def scene_reaches_every_mrml_widget(form: Form) -> Iterator[str]:
    scene = (form.root.name, *SCENE)
    wired = {to for sender, signal, to, slot in form.connections() if (sender, signal, slot) == scene}
    for widget in form.widgets():
        if widget.kind.startswith("qMRML") and widget.name != form.root.name and widget.name not in wired:
            yield f"{widget.name} does not get the scene, and will stay empty"


def connections_have_two_ends(form: Form) -> Iterator[str]:
    names = {widget.name for widget in form.widgets()}
    for sender, _, receiver, _ in form.connections():
        yield from (f"a connection names {end!r}, which is not there" for end in (sender, receiver) if end not in names)


def names_are_attributes(form: Form) -> Iterator[str]:
    names = [widget.name for widget in form.widgets()]
    yield from (f"{name!r} cannot be an attribute of `ui`" for name in names if not name.isidentifier())
    yield from (f"{name!r} is there twice" for name in sorted({name for name in names if names.count(name) > 1}))


def own_classes_are_declared(form: Form) -> Iterator[str]:
    declared = {found.findtext("class") for found in form.ui.iter("customwidget")}
    for widget in form.widgets():
        if not re.match(r"Q[A-Z]", widget.kind) and widget.kind not in declared:
            yield f"{widget.name}: {widget.kind} is not among the custom widgets"


def node_selectors_say_what_they_select(form: Form) -> Iterator[str]:
    for widget in form.widgets():
        if widget.kind == "qMRMLNodeComboBox" and not widget.text_of("nodeTypes"):
            yield f"{widget.name} takes any node of the scene: set nodeTypes"


def parameters_exist_and_fit(form: Form) -> Iterator[str]:
    fields = parameters(form.module)
    bound = [(w, w.property("SlicerParameterName")) for w in form.widgets()]
    names = [widget.text_of("SlicerParameterName") or "" for widget, found in bound if found is not None]
    yield from (f"{name!r} is bound twice; the last widget wins" for name in set(names) if names.count(name) > 1)
    for widget, found in bound:
        if found is None:
            continue
        name = widget.text_of("SlicerParameterName") or ""
        if found.get("stdset") != "0" or found.find("string") is None:
            yield f'{widget.name}: SlicerParameterName must be a dynamic string (stdset="0")'
        if name not in fields:
            yield f"{widget.name}: the parameter node has no field {name!r}"
        elif not fits(widget.kind, fields[name]):
            yield f"{widget.name}: Slicer cannot bind a {widget.kind} to {name}: {fields[name]}"


def fits(kind: str, field: Field) -> bool:
    """Whether Slicer has a connector between this class of widgets and this type of field."""
    if kind in {"QComboBox", "ctkComboBox"} and field.kind in CHOICES:
        return "Choice" in field.annotations
    if field.kind == "FloatRange" and "RangeBounds" not in field.annotations:
        return False
    allowed = BINDINGS.get(kind, set())
    return field.kind in allowed or (field.bounded and f"[{field.kind}]" in allowed)


def everything_is_labelled(form: Form) -> Iterator[str]:
    for widget in form.widgets():
        if widget.kind not in TEXT:
            continue
        text = widget.text_of("text")
        filled_later = widget.kind == "QLabel" and text == "" and not re.fullmatch(r"label(_\d+)?", widget.name)
        if not (text or filled_later or widget.property("icon") is not None):
            yield f"{widget.name} has no text"
        elif text in DEFAULTS:
            yield f"{widget.name} still has Designer's text {text!r}"


def text_can_be_translated(form: Form) -> Iterator[str]:
    for widget in form.widgets():
        for name in VISIBLE:
            found = widget.property(name)
            string = None if found is None else found.find("string")
            if string is not None and string.get("notr") == "true":
                yield f"{widget.name}: {name} is marked as not to be translated"


def slicers_look_is_left_alone(form: Form) -> Iterator[str]:
    for widget in form.widgets():
        if widget.property("styleSheet") is not None:
            yield f"{widget.name} has a style sheet, which does not follow Slicer's themes"
    items = [item for layout in form.root.element.findall("layout")[:1] for item in layout.findall("item")]
    spacer = items[-1].find("spacer") if items else None
    if spacer is None or "Qt::Vertical" not in "".join(spacer.itertext()):
        yield "the panel does not end with a vertical spacer"


def qt_5_and_6_read_it(form: Form) -> Iterator[str]:
    """Designer of Qt 6 writes `Qt::Orientation::Vertical`, which Qt 5 does not read."""
    for found in [*form.ui.iter("enum"), *form.ui.iter("set")]:
        for value in (found.text or "").split("|"):
            if value.count("::") != 1:
                yield f"{value} is not read by Qt 5 and Qt 6 alike"
    for found in form.ui.iter("property"):
        if found.get("name") == "margin":
            yield "Qt 6 has no margin: use leftMargin and the like"


CHECKS: list[Check] = [
    root_is_a_mrml_widget,
    scene_reaches_every_mrml_widget,
    connections_have_two_ends,
    names_are_attributes,
    own_classes_are_declared,
    node_selectors_say_what_they_select,
    parameters_exist_and_fit,
    everything_is_labelled,
    text_can_be_translated,
    slicers_look_is_left_alone,
    qt_5_and_6_read_it,
]
