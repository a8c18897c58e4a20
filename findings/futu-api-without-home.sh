#!/usr/bin/env bash
# futu-api 10.11.7108 (PyPI): it can not be imported where HOME is not set.
#
# Expected: the import works; a place for logs is looked for when something is logged, and may be missing.
# Seen: KeyError: 'HOME', out of the import. With HOME it makes a folder there at once, before anything is asked of it.
# Cost: services and jobs that are started without an environment of a user (systemd's system units, env -i, some containers) fail
# with an error that names neither the package nor a log.
# shellcheck source=opend.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/opend.bash"
fetch_pip futu-api==10.11.7108 pandas==2.2.3 protobuf==6.33.6

imported() {
    "$@" venv/bin/python -c 'import futu; print("imported")' 2>&1 | tail -1
}
expect "$(imported env -u HOME)" "KeyError: 'HOME'"
mkdir home
expect "$(HOME=$PWD/home imported env)" "imported"
expect "$(ls -A home)" ".com.futunn.FutuOpenD"
