"""Scripted modules: how they are loaded, opened, reloaded and left."""

import logging

import pytest

import slicerhost

SOURCE = """
import logging
import qt, slicer
from slicer.ScriptedLoadableModule import *

LIFE = []

class Example(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "An example"
        parent.categories = ["Image Synthesis"]

class ExampleWidget(ScriptedLoadableModuleWidget):
    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        LIFE.append("setup")
        self.logic = ExampleLogic()
        self.button = qt.QPushButton("Apply")
        self.layout.addWidget(self.button)
        self.button.connect("clicked(bool)", self.onApply)

    def onApply(self, checked=False):
        raise ValueError("from the slot")

    def enter(self):
        LIFE.append("enter")

    def exit(self):
        LIFE.append("exit")

    def cleanup(self):
        LIFE.append("cleanup")

class ExampleLogic(ScriptedLoadableModuleLogic):
    pass

class ExampleTest(ScriptedLoadableModuleTest):
    def runTest(self):
        LIFE.append("test")
        self.delayDisplay("done")
"""


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "modules"
    (folder / "Resources" / "Icons").mkdir(parents=True)
    (folder / "Example.py").write_text(SOURCE)
    return folder / "Example.py"


@pytest.fixture
def module(host, path):
    return slicerhost.load_module(path)


def test_a_loaded_module_is_in_slicer_modules(host, module, path):
    assert host.modules.example.title == "An example"
    assert host.modules.example.path == str(path)
    assert host.modules.ExampleInstance.parent is host.modules.example
    assert host.moduleNames.Example == "Example"
    assert {"Example", "Volumes"} <= set(host.util.moduleNames())
    assert host.util.modulePath("Example") == str(path)
    assert not hasattr(host.modules, "ExampleWidget")


def test_the_life_of_a_panel(host, module):
    module.open()
    assert host.modules.ExampleWidget is module.widget
    assert host.util.getModuleWidget("Example") is module.widget
    assert host.util.getModuleLogic("Example") is module.widget.logic
    assert module.parent.visible
    assert module.parent.isEntered
    module.open()
    module.close()
    assert module.python.LIFE == ["setup", "enter", "exit", "cleanup"]
    assert not hasattr(host.modules, "ExampleWidget")


def test_the_module_selector_leaves_one_module_and_enters_another(host, module):
    host.util.selectModule("Example")
    assert host.util.selectedModule() == "Example"
    host.util.selectModule(host.modules.example)
    assert module.python.LIFE == ["setup", "enter", "exit", "enter"]


def test_what_a_slot_raises_is_collected(host, module):
    module.open().widget.button.click()
    assert "from the slot" in slicerhost.errors.take()[0]


def test_reset_forgets_the_module(host, module):
    module.open()
    slicerhost.reset()
    assert module.python.LIFE[-1] == "cleanup"
    assert not hasattr(host.modules, "example")


def test_a_module_can_be_loaded_again(host, module, path):
    path.write_text(SOURCE.replace("An example", "Another"))
    slicerhost.load_module(path)
    assert host.modules.example.title == "Another"


def test_reload_makes_the_panel_anew_in_its_place(host, module, path):
    first = module.open().widget
    path.write_text(SOURCE.replace('"Apply"', '"Run"'))
    first.onReload()
    again = host.modules.ExampleWidget
    assert again is not first
    assert again.button.text == "Run"
    assert again.parent is module.parent


def test_a_module_that_fails_to_import_is_absent(host, path, capsys):
    from slicerhost import modules

    path.write_text("import no_such_package")
    assert modules.discover(path.parent) == []
    assert "no_such_package" in capsys.readouterr().err
    assert not hasattr(host.modules, "example")
    with pytest.raises(ImportError):
        slicerhost.load_module(path)


def test_a_file_without_the_modules_class_is_no_module(host, path):
    path.write_text("x = 1")
    with pytest.raises(ImportError, match="no class Example"):
        slicerhost.load_module(path)


def test_an_unknown_attribute_of_the_parent_is_refused(host, path):
    path.write_text(SOURCE.replace("parent.title", "parent.titel"))
    with pytest.raises(AttributeError, match="titel"):
        slicerhost.load_module(path)
    assert not hasattr(host.modules, "example")


@pytest.mark.parametrize(
    ("category", "developer", "hidden"),
    [
        ("Testing", False, True),
        ("Testing.TestCases", False, True),
        ("Testing", True, False),
        ("Filtering", False, False),
    ],
)
def test_testing_modules_are_hidden_from_users(host, path, category, developer, hidden):
    host.app.userSettings().setValue("Developer/DeveloperMode", developer)
    path.write_text(SOURCE.replace("Image Synthesis", category))
    slicerhost.load_module(path)
    assert host.modules.example.isHidden() is hidden


@pytest.mark.parametrize("developer", [True, False])
def test_developers_get_a_section_to_reload_and_test(host, path, developer):
    host.app.userSettings().setValue("Developer/DeveloperMode", developer)
    module = slicerhost.load_module(path).open()
    assert hasattr(module.widget, "reloadCollapsibleButton") is developer
    if developer:
        module.widget.testButton.click()
        assert "test" in module.python.LIFE


def test_the_self_test(host, module):
    host.selfTests["Example"](msec=0)
    assert module.python.LIFE == ["test"]


def test_a_missing_self_test_is_an_error(host, path):
    path.write_text(SOURCE.replace("class ExampleTest", "class OtherTest"))
    slicerhost.load_module(path)
    with pytest.raises(AssertionError, match="ExampleTest"):
        host.selfTests["Example"]()


def test_a_test_without_a_test_only_warns(host, caplog):
    from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

    with caplog.at_level(logging.WARNING):
        ScriptedLoadableModuleTest().runTest()
    assert "No test is defined" in caplog.text


def test_resources_are_beside_the_module(host, module, path):
    assert module.open().widget.resourcePath("UI/a.ui") == str(path.parent / "Resources" / "UI" / "a.ui")
    assert host.modules.ExampleInstance.resourcePath("x") == str(path.parent / "Resources" / "x")


def test_the_icon_is_found_by_its_name(host, path):
    import qt

    pixmap = qt.QPixmap(8, 8)
    pixmap.fill(qt.QColor("red"))
    pixmap.save(str(path.parent / "Resources" / "Icons" / "Example.png"))
    slicerhost.load_module(path)
    assert not host.modules.example.icon.isNull()


def test_the_parameter_node_is_a_singleton_of_the_module(host, module):
    logic = module.python.ExampleLogic()
    node = logic.getParameterNode()
    assert node is logic.getParameterNode()
    assert (node.GetSingletonTag(), node.GetAttribute("ModuleName")) == ("Example", "Example")
    assert logic.getAllParameterNodes() == [node]


def test_there_may_be_more_parameter_nodes(host, module):
    logic = module.python.ExampleLogic()
    logic.isSingletonParameterNode = False
    first = logic.getParameterNode()
    second = host.mrmlScene.AddNode(logic.createParameterNode())
    assert logic.getParameterNode() is first
    assert logic.getAllParameterNodes() == [first, second]


def test_the_parameter_node_finds_its_name_again_after_the_scene_was_closed(host, module):
    logic = module.python.ExampleLogic()
    logic.getParameterNode()
    host.mrmlScene.Clear()
    assert logic.getParameterNode().GetAttribute("ModuleName") == "Example"


def test_a_widget_of_its_own_shows_itself(host, module):
    widget = module.python.ExampleWidget()
    assert widget.parent.visible
    assert module.python.LIFE == ["setup"]
