"""``python -m slicerhost ...``: the application from its command line, exit codes included.

0 and 1 are Slicer's, or what the script says by ``sys.exit`` (at once) or ``slicer.util.exit`` (after pending events).
Two codes say what the real application cannot say of itself: 97, it would now wait for ever; 98, MRML was used off
the main thread, which corrupts the scene or crashes.
"""

import sys
import time
import traceback
from pathlib import Path
from typing import Any

from .options import CommandOptions, parse

HANGS = 97
CRASHES = 98
# How long a script's timers and processes may go on without slicer.util.exit; far less than for ever.
PATIENCE = 10.0


def main(arguments: list[str], *, patience: float = PATIENCE) -> int:
    """Run the application; gives its exit code. Also for tests, in their own process.

    Parameters
    ----------
    arguments
        The command line, without the program.
    patience
        Seconds after which an application that nothing ends is given up.
    """
    try:
        options = parse(arguments)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if options.displayVersionAndExit or options.displayHelpAndExit:
        sys.stdout.write("Slicer 5.12.0 (stand-in)\n")
        return 0
    return Run(options, patience).run()


class Run:
    """One run of the application.

    Parameters
    ----------
    options
        The command line.
    patience
        Seconds.
    """

    def __init__(self, options: CommandOptions, patience: float) -> None:
        from . import start

        self._options, self._patience = options, patience
        self._slicer = start(main_window=not options.noMainWindow, testing=options.testingEnabled, executable="")
        self._app = self._slicer.app
        self._app._options = options
        self._app.returnCode = None

    def run(self) -> int:
        """Start up, run the script, go on as long as the application would, end."""
        from .pythonqt import on_system_exit

        on_system_exit(lambda error: self._app.exit(_code(error)))
        self._discover()
        self._app.emit("startupCompleted()")
        self._app.processEvents()
        try:
            failed = self._run_python()
        except SystemExit as error:
            self._app.exit(_code(error))
        else:
            self._go_on(failed)
        code = self._app.returnCode
        self._end()
        return self._judge(HANGS if code is None else code)

    def _discover(self) -> None:
        from . import modules

        ignored = self._options.modulesToIgnore.split(",")
        for folder in self._options.additionalModulePaths:
            if not Path(folder).is_dir():
                sys.stderr.write(f"the module path {folder} does not exist\n")
            modules.discover(folder, ignored=ignored)

    def _run_python(self) -> bool:
        """Run code and script; True where something was not caught."""
        code, script = self._options.pythonCode, self._options.pythonScript
        sys.argv = [script, "--ignore-slicerrc", *self._options.unparsedArguments]
        failed = False
        if code:
            failed = _execute(code, "<python-code>")
        if script and not Path(script).is_file():
            sys.stderr.write(f"the Python script {script} does not exist\n")
        elif script:
            sys.path.insert(0, str(Path(script).resolve().parent))
            failed = _execute(Path(script).read_text(encoding="utf-8"), script) or failed
        return failed

    def _go_on(self, failed: bool) -> None:
        options = self._options
        if (options.exitAfterStartup or options.runPythonAndExit) and self._app.returnCode is None:
            self._app.exit(1 if failed else 0)
        deadline = time.monotonic() + self._patience
        while self._app.returnCode is None and time.monotonic() < deadline:
            self._app.processEvents()
            time.sleep(0.005)
        if self._app.returnCode is None:
            sys.stderr.write("Nothing ends this application: in Slicer it would stay alive for ever.\n")

    def _end(self) -> None:
        from . import modules, windows
        from .pythonqt import on_system_exit

        self._app.emit("aboutToQuit()")
        on_system_exit(None)
        modules.unload_all()
        windows.close_all(self._app)

    def _judge(self, code: int) -> int:
        from . import errors

        wrong = errors.take()
        if any("a dialog was opened" in text for text in wrong) and self._options.noMainWindow:
            sys.stderr.write("A dialog was opened without a main window: Slicer would wait for ever.\n")
            return HANGS
        if any("MRML off the main thread" in text for text in wrong):
            return CRASHES
        return code


def _execute(source: str, name: str) -> bool:
    """Run source as ``__main__``; an exception is printed; True where there was one."""
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": name, "__builtins__": __builtins__}
    try:
        exec(compile(source, name, "exec"), namespace)
    except Exception:
        traceback.print_exc()
        return True
    return False


def _code(error: SystemExit) -> int:
    if isinstance(error.code, int):
        return error.code
    if error.code is not None:
        sys.stderr.write(f"{error.code}\n")
        return 1
    return 0
