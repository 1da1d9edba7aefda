"""``python -m mrienhance.cli``: the command where its script is not on the path, as in PythonSlicer."""

import sys

from mrienhance.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
