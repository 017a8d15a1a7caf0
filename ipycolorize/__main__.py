"""`python -m ipycolorize`, which launchers of several processes need."""

import os
import sys

if __name__ == "__main__":
    # ``python -m`` looks for modules in the present folder first, where photographs lie, and perhaps a
    # torch.py beside them. Nothing else is imported before it is left out, unless this package was found
    # there.
    here = os.getcwd()  # noqa: PTH109 - pathlib would be an import
    root = __file__.removesuffix(f"{os.sep}ipycolorize{os.sep}__main__.py")
    if not sys.flags.safe_path and sys.path[:1] in ([""], [here]) and here != root:
        del sys.path[0]

    from .cli import main

    sys.exit(main())
