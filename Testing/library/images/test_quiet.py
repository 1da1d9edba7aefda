"""What the C libraries say stays off the terminal, and what Python says later is heard."""

import logging
import os
import subprocess
import sys

import pytest

from mrienhance.images.quiet import quiet


def test_the_error_stream_is_silent_inside_and_open_again_after(capfd, caplog):
    caplog.set_level(logging.DEBUG, logger="mrienhance.images")
    with quiet() as noise:
        os.write(2, b"from a library in C\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
    assert noise.text == "from a library in C"
    assert caplog.messages == ["from a library in C"]


def test_it_is_open_again_after_a_failure_and_may_be_nested(capfd):
    with pytest.raises(ValueError, match="broken"), quiet():
        with quiet():
            os.write(2, b"inner\n")
        os.write(2, b"outer\n")
        raise ValueError("broken")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_what_goes_to_the_output_stream_is_left_alone(capfd):
    with quiet():
        os.write(1, b"result\n")
    assert capfd.readouterr().out == "result\n"


def test_a_program_without_an_error_stream_works():
    script = "import os; os.close(2)\nfrom mrienhance.images.quiet import quiet\nwith quiet() as noise: print('fine')"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().strip() == "fine"
