#!/usr/bin/env bash
# nautilus-futu 0.5.1 (PyPI): a push that has the number of a waiting request is taken for its answer.
#
# Expected: an answer is known by its protocol and its number together. Pushes are numbered by a counter of the gateway's own, which
# meets the numbers of requests in use.
# Seen: the number alone counts. The request fails, with an error that speaks of a damaged message; its own answer, which comes right
# after, is dropped.
# Cost: with pushes subscribed, requests fail now and then, and the error leads to the gateway, which did all right.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
python3.12 -m venv venv # it has wheels for 3.12 and 3.13; with pyenv, PYENV_VERSION says which is meant
fetch_pip --no-deps nautilus-futu==0.5.1

cat >ask.py <<'PYTHON'
import os

from gateway import SIX, TIME, Gateway, field, response
from nautilus_futu._rust import PyFutuClient


def asked(push):
    gateway = Gateway({3212: response(SIX + TIME)}, push)
    client = PyFutuClient()
    client.connect("127.0.0.1", gateway.port, "finding", 1)
    try:
        return client.get_capital_distribution(1, "00700")["capital_in_big"]
    except RuntimeError as error:
        return "RuntimeError, decode error" if "decode error" in str(error) else repr(error)


logins = response(field(1, 4) + field(4, field(1, 1) + field(2, 1)))
print(asked(b""), asked(logins), sep="; ", flush=True)
os._exit(0)
PYTHON
expect "$(venv/bin/python ask.py)" "1.0; RuntimeError, decode error"
