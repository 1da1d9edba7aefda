"""The application's command line; see `slicerhost.commandline`."""

import sys

from slicerhost.commandline import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
