"""Fixtures for tests with a user in front of a panel: that of a test file's ``MODULE``, or else of SuperResolve."""

import pytest

import panels
import workers


@pytest.fixture
def application(host, monkeypatch):
    """Slicer with a worker of this test's own."""
    from MRIEnhanceBridge import worker

    monkeypatch.setattr(worker, "_shared", None)
    yield host
    if worker._shared is not None:
        worker._shared.stop()


@pytest.fixture
def real(application, monkeypatch, request):
    """A user; the real worker computes, in the tests' interpreter."""
    workers.use(monkeypatch, workers.this_python().executable)
    user = panels.User(application, getattr(request.module, "MODULE", panels.MODULE))
    user.wait_for_models()
    return user


@pytest.fixture
def user_with(application, monkeypatch, tmp_path, request):
    """A user in front of a worker with a scenario; a volume is loaded and chosen."""

    def make(scenario, *, by_setting=False, slicers_own=False):
        from MRIEnhanceBridge import interpreter

        fake = workers.FakeInterpreter(tmp_path, scenario)
        if by_setting:
            monkeypatch.delenv(interpreter.VARIABLE, raising=False)
            interpreter.set_python(str(fake.path))
        elif slicers_own:
            monkeypatch.setattr(interpreter, "_slicers_own", lambda: iter([fake.path]))
        else:
            workers.use(monkeypatch, fake.path)
        user = panels.User(application, getattr(request.module, "MODULE", panels.MODULE))
        user.add_volume(panels.orthonormal(panels.OBLIQUE))
        user.parameters.inputVolume = user.volumes[0]
        user.wait_for_models()
        return user, fake

    return make
