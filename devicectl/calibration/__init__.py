"""Calibration of needle protrusion and stroke rate: what is measured, how well it is known, what follows from it.

Values are floats in the unit of the measurand (mm or Hz); whatever goes to a pen is in µm and mHz.
"""
