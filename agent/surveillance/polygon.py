"""Part of a camera's picture, as the settings say it: corners in fractions of its width and height."""

from collections.abc import Sequence

Polygon = Sequence[tuple[float, float]]
