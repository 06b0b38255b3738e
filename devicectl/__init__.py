"""What the pen is used for: control, treatment, calibration, records, reports and the command line."""

__devicectl_package__ = "devicectl"
