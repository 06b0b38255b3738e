"""A pen that is not there: physics, firmware and faults behind a real PTY, TCP port or radio."""

__devicectl_package__ = "devicectl"
