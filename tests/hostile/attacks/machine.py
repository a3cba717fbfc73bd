"""Attacks on the machine: what belongs to the grader, to other students, to everybody."""

from tests.hostile.harness import Attack, leaves_a_process, steals, tanh, touches

ATTACKS = [
    Attack(
        19,
        "writes another student's report",
        tanh('open("$VICTIM", "w").write("0 points")'),
        succeeds=touches,
        stopped_by=("landlock", "seccomp", "rlimits"),
        tried="write $VICTIM",
        said="Permission denied",
    ),
    Attack(
        22,
        "forks a child that outlives the verdict",
        tanh(
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                time.sleep(60)
                os._exit(0)
            return 0 * x
            """
        ),
        succeeds=leaves_a_process,
        stopped_by=("seccomp",),
        tried="start a process",
        said="Operation not permitted",
    ),
    Attack(
        24,
        "reads a hidden file",
        tanh('raise RuntimeError(open("$SECRET").read())'),
        succeeds=steals,
        stopped_by=("landlock",),
        said="Permission denied",
    ),
    Attack(
        25,
        "calls out over the network",
        tanh('import socket; socket.socket().connect((b"127.0.0.1", $PORT))'),
        succeeds=touches,
        stopped_by=("seccomp", "landlock"),
        tried="open a network socket",
        said="Operation not permitted",
    ),
]
