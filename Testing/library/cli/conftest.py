"""A terminal in an empty folder, for every test of the command line."""

import pytest

from cli.terminal import Terminal


@pytest.fixture
def terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path, capsys)
