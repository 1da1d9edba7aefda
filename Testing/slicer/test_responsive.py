"""Slicer stays alive during a run: the main thread is never away for long."""

import time

import numpy as np
import pytest

LONGEST = 0.1
"""Seconds; what the user would feel."""


@pytest.fixture
def user(user_with):
    """Somebody with a volume of 256 x 256 x 128 voxels (32 MiB, its result 128 MiB)."""
    user, _ = user_with("works")
    voxels = np.random.default_rng(0).random((128, 256, 256), dtype=np.float32)
    user.parameters.inputVolume = user.add_volume(voxels=voxels)
    return user


class Pulse:
    """A timer of the event loop that notes how long it had to wait."""

    def __init__(self):
        import qt

        self.last, self.gaps = time.perf_counter(), []
        self.timer = qt.QTimer()
        self.timer.connect("timeout()", self.beat)
        self.timer.start(1)

    def beat(self):
        now = time.perf_counter()
        self.gaps.append(now - self.last)
        self.last = now


def test_the_main_thread_is_never_blocked_for_more_than_a_tenth_of_a_second(user):
    user.run()  # what is only done once is not what this is about
    pulse = Pulse()
    result = user.run()
    pulse.timer.stop()
    assert result.GetImageData().GetDimensions() == (512, 512, 128)
    assert len(pulse.gaps) > 20, "the pulse did not beat"
    assert max(pulse.gaps) < LONGEST
