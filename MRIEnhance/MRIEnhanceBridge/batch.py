r"""The batch script: a folder of cases in, a folder of results out, with no window and no question.

    Slicer --no-splash --no-main-window --exit-after-startup --python-script .../MRIEnhanceBridge/batch.py -- \
        super-resolve --input SCANS --output RESULTS

`-- super-resolve --help` lists the options. Exit codes: 0 all cases done, 1 some failed (the summary says which and
why), 2 wrong usage, 130 stopped by Ctrl-C or SIGTERM.

This file must stay plain ASCII: Slicer reads a script in the encoding of the system. It imports nothing of ours before
everything is caught, because Slicer stays alive for ever after a script that fails.
"""

from __future__ import annotations

import os
import sys
import traceback


def main() -> int:
    """Run, and give the exit code."""
    try:
        _find_packages()
        from MRIEnhanceBridge.runner import run

        return run(sys.argv[1:], os.getcwd())
    except SystemExit as end:  # argparse, after a usage message
        return end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except BaseException:
        traceback.print_exc()
        return 1


def _find_packages() -> None:
    """Make this package importable, and the modules beside it, when the script was started by its path.

    Slicer puts the script's own folder first, where our `worker` or `views` would be taken for somebody else's.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    parent = os.path.dirname(package)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != package]
    if parent not in sys.path:
        sys.path.insert(0, parent)


if __name__ == "__main__":
    sys.exit(main())
