"""Links, one file a kind: serial ports and sockets through pyserial's opener, and memory."""
