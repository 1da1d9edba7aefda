"""Settings for all tests of the library."""

import signal

from hypothesis import settings

# A run in the background, or below nohup, ignores these, and so would all programs that tests start and interrupt.
for name in ("SIGINT", "SIGHUP"):
    if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        signal.signal(getattr(signal, name), signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)

# No test depends on the speed of the machine, and a run can be repeated: examples are drawn, but the same every time.
settings.register_profile("library", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("library")
