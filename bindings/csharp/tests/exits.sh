#!/bin/sh
# Runs PROGRAM WAY four times: each time the process must end promptly, with status 3, and print nothing: exits.sh PROGRAM WAY.
for turn in 1 2 3 4; do
    begun=$(date +%s)
    told=$(timeout -k 1 120 mono "$1" "$2" "$ALIVE" "$SILENT" 2>&1)
    status=$?
    took=$(($(date +%s) - begun))
    [ $status = 3 ] && [ -z "$told" ] && [ $took -le 20 ] || { echo "status $status after $took s: $told"; exit 1; }
done
