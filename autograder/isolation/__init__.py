"""The process boundary: the trusted grader process decides, a worker runs the student's code.

protocol   frames on the pipe: data only, every field checked
executor   carries out requests in the worker (the same code serves a live class in a notebook)
worker     the child process: applies its limits, then serves requests
zygote     the warm process that forks workers
launcher   starts the zygote, and has it fork and reap
host       the trusted side: sends requests to a worker, reads its clock, ends it
"""
