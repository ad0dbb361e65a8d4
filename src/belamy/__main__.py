"""``python -m belamy``."""

import sys

from belamy.cli import main

if __name__ == "__main__":
    sys.exit(main())
