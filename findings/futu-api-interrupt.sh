#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): once it is imported, Ctrl-C ends the program as if all had gone well.
#
# Expected: KeyboardInterrupt, as in any Python program: `finally` and `atexit` run, the output is written, the status is not 0.
# Seen: the import puts a handler of its own in place of Python's. The process is gone at once, with status 0; what was printed and
# not yet flushed is lost.
# Cost: a program that is stopped leaves its files half written and its orders of shutdown undone, and the script that started it
# takes the run for a good one.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

unset PYTHONUNBUFFERED

cat >program.py <<'PYTHON'
import atexit
import os
import signal
import sys
import time

if sys.argv[1] == "with":
    import futu  # noqa: F401
atexit.register(lambda: print("atexit", end="; "))
print("printed", end="; ")
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
finally:
    print("finally", end="; ")
PYTHON
stopped() {
    local status=0
    venv/bin/python program.py "$1" 2>/dev/null || status=$?
    echo "status $status"
}
expect "$(stopped without)" "printed; finally; atexit; status 130"
expect "$(stopped with)" "status 0"
