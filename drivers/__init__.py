"""How a pen is reached and spoken to: links, codecs, sessions and the pen interface."""

__devicectl_package__ = "devicectl"
