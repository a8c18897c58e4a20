# Read by the scripts beside it: a temporary folder that goes with the script, and pinned public packages put into it.
set -euo pipefail
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
cd "$temporary"

# Unpacks Debian packages, each named NAME=VERSION, without touching the machine's own.
fetch_deb() {
    mkdir -p debs root
    (cd debs && apt-get -q download "$@" >/dev/null 2>&1)
    for package in debs/*.deb; do dpkg -x "$package" root; done
    rm -r debs
}

# Installs packages of PyPI, each named NAME==VERSION, in a virtual environment of its own: venv.
fetch_pip() {
    [ -d venv ] || python3 -m venv venv
    venv/bin/pip install --quiet --disable-pip-version-check "$@"
}

# Compares what was seen with what is stated, and fails if it changed.
expect() {
    if [ "$1" = "$2" ]; then
        echo "as stated: $1"
    else
        printf 'changed.\nstated: %s\nseen:   %s\n' "$2" "$1"
        exit 1
    fi
}
