"""slicer.app.commandOptions(): how the application was started, and the command line that says so.

Facts from Slicer's qSlicerCoreCommandOptions.cxx and qSlicerCommandOptions.cxx, and from runs of the real application:

* what the parser does not know goes to ``sys.argv[1:]`` of the script, in order; everything after ``--`` does;
* ``--ignore-slicerrc`` was seen in the script's ``sys.argv`` although Slicer knows it; it always is here, so that a
  script has to look for its own first word;
* a first unknown argument that ends in ``.py`` is taken as the script, whatever ``--python-script`` says;
* the application ends after the script only with ``--exit-after-startup``, ``--testing``, ``-c``, or a script taken
  that way.
"""

import dataclasses

_FLAGS = {
    "--no-main-window": "noMainWindow",
    "--no-splash": "noSplash",
    "--testing": "testingEnabled",
    "--exit-after-startup": "exitAfterStartup",
    "--ignore-slicerrc": "ignoreSlicerRC",
    "--disable-settings": "settingsDisabled",
    "--verbose-module-discovery": "verboseModuleDiscovery",
    "--version": "displayVersionAndExit",
    "--help": "displayHelpAndExit",
    "-h": "displayHelpAndExit",
}
# Known, without effect here.
_QUIET = {
    "--disable-builtin-cli-modules",
    "--disable-builtin-loadable-modules",
    "--disable-builtin-modules",
    "--disable-builtin-scripted-loadable-modules",
    "--disable-cli-modules",
    "--disable-loadable-modules",
    "--disable-message-handlers",
    "--disable-modules",
    "--disable-scripted-loadable-modules",
    "--disable-terminal-outputs",
    "--report-startup-timing",
}
_VALUES = {
    "--python-script": "pythonScript",
    "--python-code": "pythonCode",
    "-c": "pythonCode",
    "--modules-to-ignore": "modulesToIgnore",
}
_REST = ("--", "--ignore-rest")


@dataclasses.dataclass
class CommandOptions:
    """slicer.app.commandOptions(): values, as PythonQt shows properties."""

    noMainWindow: bool = False
    noSplash: bool = False
    testingEnabled: bool = False
    exitAfterStartup: bool = False
    ignoreSlicerRC: bool = False
    settingsDisabled: bool = False
    verboseModuleDiscovery: bool = False
    displayVersionAndExit: bool = False
    displayHelpAndExit: bool = False
    runPythonAndExit: bool = False
    pythonScript: str = ""
    pythonCode: str = ""
    modulesToIgnore: str = ""
    additionalModulePaths: list[str] = dataclasses.field(default_factory=list)
    unparsedArguments: list[str] = dataclasses.field(default_factory=list)


def parse(arguments: list[str]) -> CommandOptions:
    """Read a command line.

    Raises
    ------
    ValueError
        If a flag lacks its value.
    """
    options = CommandOptions()
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word in _REST:
            options.unparsedArguments += words
            break
        if word in _FLAGS:
            setattr(options, _FLAGS[word], True)
        elif word in _VALUES:
            if not words:
                raise ValueError(f"{word} needs a value")
            setattr(options, _VALUES[word], words.pop(0))
            options.runPythonAndExit |= word == "-c"
        elif word in ("--additional-module-path", "--additional-module-paths"):
            many = word.endswith("s")
            options.additionalModulePaths += _paths(words, many)
        elif word not in _QUIET:
            options.unparsedArguments.append(word)
    if options.unparsedArguments and options.unparsedArguments[0].endswith(".py"):
        options.pythonScript = options.unparsedArguments.pop(0)
        options.runPythonAndExit = True
    options.runPythonAndExit |= options.testingEnabled
    return options


def _paths(words: list[str], many: bool) -> list[str]:
    if not words or words[0].startswith("-"):
        raise ValueError("a module path is missing")
    found = [words.pop(0)]
    while many and words and not words[0].startswith("-"):
        found.append(words.pop(0))
    return found
