"""Pens over Bluetooth Low Energy: radios, scanning, pairing, and a link, all through bleak."""
