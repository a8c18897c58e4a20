#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): the star import of its samples takes names of the standard library and gives them another meaning.
#
# Expected: the names of the package, and none that the program imported before.
# Seen: 623 names. `datetime`, imported as a module before, is the class of that name after it; `copy` is a function; `f` is a file
# that is closed.
# Cost: `datetime.datetime.now()` and `copy.copy(x)` fail in lines that have nothing to do with the package, depending on the order
# of two imports.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

cat >program.py <<'PYTHON'
import copy
import datetime

from futu import *

told = [type(datetime).__name__, type(copy).__name__, type(f).__name__, str(f.closed), str(hasattr(datetime, "datetime"))]
print(*told, sep=", ")
PYTHON
expect "$(venv/bin/python program.py)" "type, function, BufferedReader, True, False"
