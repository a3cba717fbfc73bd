"""The process boundary: a trusted host that decides, a worker that runs the student's code.

protocol   what crosses the pipe: data only, every field checked
executor   what the worker does with it (the same code serves a live class in a notebook)
worker     the child process: applies its limits, then serves requests
zygote     the warm process that forks workers
launcher   starts the zygote, and has it fork and reap
host       the trusted side: asks a worker, reads its clock, ends it
"""
