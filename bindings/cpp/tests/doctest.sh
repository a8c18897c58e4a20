#!/bin/sh
# Runs a program with doctest, and reports its cases in TAP: doctest.sh PROGRAM PREFIX [OPTION]...
program=$1 prefix=$2
shift 2
rm -f "$program.xml"
"$program" --reporters=junit --out="$program.xml" ${ONLY:+"--test-case=*$ONLY*"} "$@"
status=$?
python3 -m harness.tap junit --prefix "$prefix" "$program.xml" && exit $status
exit 1
