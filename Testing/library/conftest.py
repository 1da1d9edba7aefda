"""Settings for all tests of the library."""

from hypothesis import settings

# No test depends on the speed of the machine, and a run can be repeated: examples are drawn, but the same every time.
settings.register_profile("library", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("library")
