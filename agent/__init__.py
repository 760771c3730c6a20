"""Counter Agent: the edge daemon of a one-stop counter."""

import os

__version__ = "0.1.0"

# At its first model pydantic would look for plugins in every installed package: a tenth of the start, and a way in.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
