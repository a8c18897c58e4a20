#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): where the gateway leaves out the super figures, their columns are text.
#
# Expected: NaN, as in any DataFrame with a number that is missing: sums skip it, or are NaN, and pandas.isna() tells.
# Seen: the text "N/A", so that the sum of two columns, which users call the main money, raises TypeError. isna() says that nothing
# is missing.
# Cost: a program that works for one market fails for another, and only when such an answer comes.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

cat >ask.py <<'PYTHON'
import os

import futu
from gateway import SIX, SUPER, TIME, Gateway, response

futu.SysConfig.enable_console_log(False)


def main_money(figures):
    gateway = Gateway({3212: response(figures)})
    context = futu.OpenQuoteContext("127.0.0.1", gateway.port)
    row = context.get_capital_distribution("HK.00700")[1].iloc[0]
    try:
        return f"{row['capital_in_super'] + row['capital_in_big']}, missing {bool(row.isna().any())}"
    except TypeError:
        return f"TypeError, missing {bool(row.isna().any())}"


print(main_money(SIX + TIME + SUPER), main_money(SIX + TIME), sep="; ", flush=True)
os._exit(0)
PYTHON
expect "$(venv/bin/python ask.py)" "10.0, missing False; TypeError, missing False"
