"""slicer.i18n: text passes through, is recorded, and can be made visible."""

import pytest

import slicerhost
from slicerhost import i18n


def test_text_is_itself(host):
    from slicer.i18n import tr, translate

    assert tr("Apply") == "Apply"
    assert translate("qSlicerAbstractCoreModule", "Filtering") == "Filtering"
    assert slicerhost.translations.asked == [
        ("test_app_translation", "Apply"),
        ("qSlicerAbstractCoreModule", "Filtering"),
    ]


def test_a_pseudo_translation_shows_what_went_through(host):
    slicerhost.translations.pseudo = "[[{}]]"
    assert i18n.tr("{count} files") == "[[{count} files]]"
    slicerhost.reset()
    assert i18n.tr("Apply") == "Apply"


def test_a_translation_without_its_placeholders_is_not_taken(host):
    slicerhost.translations.pseudo = "nothing"
    assert i18n.tr("{count} files") == "{count} files"
    assert i18n.tr("files") == "nothing"


def test_the_context_of_a_file_in_a_package(tmp_path):
    (tmp_path / "Package").mkdir()
    (tmp_path / "Package" / "__init__.py").touch()
    assert i18n.getContext(str(tmp_path / "Package" / "views.py")) == "Package.views"
    assert i18n.getContext(str(tmp_path / "Module.py")) == "Module"


@pytest.mark.parametrize("value", [None, 3, b"Apply"])
def test_only_text_is_translated(host, value):
    with pytest.raises(TypeError):
        i18n.tr(value)
