#!/usr/bin/env bash
# Makes a Python 2.7 in FOLDER, with the packages of REQUIREMENTS, for test programs that need it. The packages are Debian
# 11's. They are unpacked in FOLDER, so that the system does not change. Run FOLDER/python2.
# Usage: scripts/python2.sh FOLDER REQUIREMENTS PIP   (PIP: one of Python 3, which downloads the last one for Python 2)
set -euo pipefail

folder=$(realpath -m "$1")
requirements=$(realpath "$2")
pip=$3
keyring=/usr/share/keyrings/debian-archive-bullseye-stable.gpg
packages=(python2.7-minimal libpython2.7-minimal libpython2.7-stdlib python2.7 libpython2.7 libpython2.7-dev libssl1.1 libffi7)

rm -rf "$folder"
mkdir -p "$folder"/apt/{lists,cache/archives,sources}/partial "$folder/root"
# The mirror that this system has its packages from.
site=$(apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' | sort -u | sed -n '\|/debian/$|p' | sed -n 1p)
[ -n "$site" ] || { echo "python2: this system has its packages from no archive of Debian" >&2 && exit 1; }
echo "deb [signed-by=$keyring] $site bullseye main" >"$folder/apt/sources.list"
apt=(apt-get -qq -o "Dir::Etc::SourceList=$folder/apt/sources.list" -o "Dir::Etc::SourceParts=$folder/apt/sources"
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o APT::Sandbox::User= -o Acquire::Retries=3)
"${apt[@]}" update
(cd "$folder/apt/cache" && "${apt[@]}" download "${packages[@]}" && for file in *.deb; do dpkg-deb -x "$file" "$folder/root"; done)
rm -rf "$folder/apt"

cat >"$folder/python2" <<END
#!/bin/sh
export PYTHONHOME='$folder/root/usr' CPATH='$folder/root/usr/include:$folder/root/usr/include/python2.7'
export LD_LIBRARY_PATH="\$(echo '$folder'/root/usr/lib/*-linux-gnu)"
exec '$folder/root/usr/bin/python2.7' "\$@"
END
chmod +x "$folder/python2"

# The last pip for Python 2 installs the list as it is. The packages that build others come first.
"$pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" "$(grep -m 1 '^pip==' "$requirements")"
export PYTHONPATH=$folder/pip
"$folder/python2" -m zipfile -e "$folder"/pip-*.whl "$PYTHONPATH"
install=("$folder/python2" -m pip --quiet --disable-pip-version-check --no-python-version-warning install
    --no-warn-script-location --no-deps --no-build-isolation)
mapfile -t builders < <(grep -E '^(setuptools|wheel)==' "$requirements")
"${install[@]}" "${builders[@]}"
"${install[@]}" --requirement "$requirements"
