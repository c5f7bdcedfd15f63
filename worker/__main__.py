"""`python -m worker VERB` is `paysera-worker VERB`."""

import sys

from worker.cli import main

if __name__ == "__main__":
    sys.exit(main())
