#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): the logins in get_global_state() are not what its documentation says.
#
# Expected: the texts "1" and "0", as the method's own documentation tells for qot_logined and trd_logined.
# Seen: True and False. (Release 3.9.1 gave the texts.)
# Cost: a program that waits for `state["qot_logined"] == "1"`, as it is documented, waits although OpenD is logged in.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

cat >ask.py <<'PYTHON'
import os

import futu
from gateway import Gateway, field, response

futu.SysConfig.enable_console_log(False)
state = b"".join(field(number, 3) for number in range(1, 6))
state += field(6, 1) + field(7, 0) + field(8, 1) + field(9, 1) + field(10, 1)
gateway = Gateway({1002: response(state)})
context = futu.OpenQuoteContext("127.0.0.1", gateway.port)
ret, told = context.get_global_state()
(documented,) = [line for line in context.get_global_state.__doc__.splitlines() if "qot_logined" in line]
print(ret, told["qot_logined"], told["trd_logined"], "'1'" in documented and "str" in documented, flush=True)
os._exit(0)
PYTHON
expect "$(venv/bin/python ask.py)" "0 True False True"
