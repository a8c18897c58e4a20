#!/usr/bin/env bash
# nautilus-futu 0.5.1 (PyPI): its client does not connect again after its line was lost.
#
# Expected: a new connection, at the latest with the next request, as the vendor's own client makes one.
# Seen: each request fails at once with "connection disconnected", also while the gateway is there and takes connections; only
# another client object helps.
# Cost: a restart of OpenD, or a night in which it lost its login, ends a program's data until somebody looks.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
python3.12 -m venv venv # it has wheels for 3.12 and 3.13; with pyenv, PYENV_VERSION says which is meant
fetch_pip --no-deps nautilus-futu==0.5.1

cat >ask.py <<'PYTHON'
import os
import time

from gateway import SIX, TIME, Gateway, response
from nautilus_futu._rust import PyFutuClient

gateway = Gateway({3212: response(SIX + TIME)})


def asked(client):
    try:
        return client.get_capital_distribution(1, "00700")["capital_in_big"]
    except RuntimeError as error:
        return "disconnected" if "connection disconnected" in str(error) else repr(error)


def connected():
    client = PyFutuClient()
    client.connect("127.0.0.1", gateway.port, "finding", 1)
    return client


client = connected()
before = asked(client)
gateway.lose_lines()
time.sleep(3)
first, second = asked(client), asked(client)
time.sleep(10)
print(before, first, second, asked(client), asked(connected()), sep="; ", flush=True)
os._exit(0)
PYTHON
expect "$(venv/bin/python ask.py)" "1.0; disconnected; disconnected; disconnected; 1.0"
