"""The worked example of the domain notes 5.4, as printed there."""

from devicectl.calibration.budget import Distribution, Source
from devicectl.calibration.quantities import Direction, Measured

ROWS = (
    (0.25, (0.21, 0.22, 0.21), (0.24, 0.25, 0.24)),
    (0.50, (0.46, 0.45, 0.46), (0.49, 0.48, 0.49)),
    (1.00, (0.94, 0.95, 0.94), (0.98, 0.97, 0.98)),
    (1.50, (1.43, 1.44, 1.43), (1.47, 1.46, 1.47)),
    (2.00, (1.92, 1.91, 1.92), (1.95, 1.96, 1.95)),
    (2.50, (2.40, 2.41, 2.40), (2.44, 2.43, 2.44)),
)
READINGS = tuple(
    Measured(set_to, direction, value)
    for set_to, up, down in ROWS
    for direction, values in ((Direction.UP, up), (Direction.DOWN, down))
    for value in values
)
SOURCES = (
    Source("indicator", 0.004, Distribution.RECTANGULAR),
    Source("resolution", 0.001, Distribution.RESOLUTION),
    Source("gauge block", 0.00025, Distribution.NORMAL),
    Source("rim zero, seating", 0.010, Distribution.RECTANGULAR),
    Source("contact force", 0.005, Distribution.RECTANGULAR),
    Source("needle spread", 0.010, Distribution.RECTANGULAR),
)
