"""Restrictions that the Linux kernel can enforce: one module per layer, each a few system calls through ctypes."""
