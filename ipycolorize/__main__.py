"""`python -m ipycolorize`, which launchers of several processes need."""

import sys

from .cli import main

sys.exit(main())
