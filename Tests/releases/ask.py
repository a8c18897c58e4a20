"""Runs in a release's own environment: connects like a user's program, and writes the answers as JSON.

Usage: ask.py futu|moomoo PORT ANSWERS KEY|- CODE...
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any


def plain(data: Any) -> Any:
    """An answer without pandas: the error's text, or the row."""
    return data if isinstance(data, str) else {name: data[name].tolist()[0] for name in data.columns}


def main() -> None:
    """Requests each code in turn."""
    package, port, answers, key, *codes = sys.argv[1:]
    sdk = importlib.import_module(package)
    if key != "-":
        sdk.SysConfig.enable_proto_encrypt(True)
        sdk.SysConfig.set_init_rsa_file(key)
    context = sdk.OpenQuoteContext(host="127.0.0.1", port=int(port))
    found = {}
    for code in codes:
        ret, data = context.get_capital_distribution(code)
        found[code] = [ret, plain(data)]
    ret, state = context.get_global_state()
    found["state"] = [ret, state if isinstance(state, str) else state["server_ver"]]
    context.close()
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(found, file)
    # Some releases leave threads behind, which keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    main()
