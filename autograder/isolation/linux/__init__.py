"""What the Linux kernel can refuse a process: one module a layer, each a few system calls through ctypes."""
