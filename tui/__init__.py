"""The screens: the treatment dashboard in a terminal."""

__devicectl_package__ = "devicectl"
