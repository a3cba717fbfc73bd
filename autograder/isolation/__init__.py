"""The process boundary: a trusted host that decides, a worker that runs the student's code.

protocol   what crosses the pipe: data only, every field checked
executor   what the worker does with it (the same code serves a live class in a notebook)
worker     the child process: applies its limits, then serves requests
zygote     the warm process that forks workers
host       the trusted side: starts, asks, times, ends
"""
