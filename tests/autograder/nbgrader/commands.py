"""Runs nbgrader's own applications one after the other in one process: [[folder, argument, …], …] on stdin.

A class types the same few commands over and over; one interpreter for each would cost more than all the rest.  Prints a
JSON list of [exit status, log] on stdout.
"""

import io
import json
import logging
import os
import sys

from jupyter_core.application import NoStart
from nbgrader.apps.nbgraderapp import NbGraderApp


def run(folder, *arguments):
    os.chdir(folder)
    app = NbGraderApp.instance()
    log = io.StringIO()
    status = 0
    try:
        app.initialize(list(arguments))
        app.init_logging(logging.StreamHandler, [log], color=False, subapps=True)
        app.start()
    except NoStart:
        pass
    except SystemExit as error:
        status = error.code
    finally:
        app.reset()
        NbGraderApp.clear_instance()
    return status, log.getvalue()


if __name__ == "__main__":
    json.dump([run(*command) for command in json.load(sys.stdin)], sys.stdout)
