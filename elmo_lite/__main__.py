"""``python -m elmo_lite`` is the program ``elmo-lite``."""

import sys

from elmo_lite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
