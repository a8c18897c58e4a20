#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): each connection writes a line to the program's standard output.
#
# Expected: the logging module, or the standard error: a library's remarks are no part of a program's output.
# Seen: "New connect ready …" stands on the standard output, above what the program prints, and another line after close().
# Cost: a program that prints JSON or CSV for the next one in a pipe prints something else; SysConfig.enable_console_log(False), which
# 10.4 and later have, must be called before the first context.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

cat >program.py <<'PYTHON'
import json
import os
import sys

import futu
from gateway import Gateway

if sys.argv[1] == "silenced":
    futu.SysConfig.enable_console_log(False)
gateway = Gateway({})
context = futu.OpenQuoteContext("127.0.0.1", gateway.port)
print(json.dumps({"result": 1}), flush=True)
os._exit(0)
PYTHON
parsed() {
    venv/bin/python program.py "$1" 2>/dev/null >output
    venv/bin/python -c 'import json; print(json.load(open("output")))' 2>&1 | grep -oE "^json.*Error|\{.*\}"
}
expect "$(parsed as-it-is)" "json.decoder.JSONDecodeError"
expect "$(parsed silenced)" "{'result': 1}"
