#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): a capital distribution without figures is a row of zeros, and RET_OK.
#
# Expected: an error, or missing values: the answer says success and holds no figures, which its .proto file allows.
# Seen: RET_OK with 0.0 in the six columns that are always there, and an empty time.
# Cost: "nobody traded" can not be told from "nothing was told", and a strategy that compares what went in with what went out takes
# a balance of 0 for a fact.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

cat >ask.py <<'PYTHON'
import os

import futu
from gateway import Gateway, response

futu.SysConfig.enable_console_log(False)
gateway = Gateway({3212: response()})
context = futu.OpenQuoteContext("127.0.0.1", gateway.port)
ret, data = context.get_capital_distribution("HK.00700")
row = data.iloc[0]
print(ret, row["capital_in_big"], row["capital_out_small"], repr(row["update_time"]), flush=True)
os._exit(0)
PYTHON
expect "$(venv/bin/python ask.py)" "0 0.0 0.0 ''"
