"""Counter Agent: the edge daemon of a one-stop counter."""

__version__ = "0.1.0"
