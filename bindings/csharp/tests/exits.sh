#!/bin/sh
# A process ends promptly, with the program's own status, and without a word: exits.sh PROGRAM WAY, four times.
for turn in 1 2 3 4; do
    begun=$(date +%s)
    told=$(timeout -k 1 120 mono "$1" "$2" "$ALIVE" "$SILENT" 2>&1)
    status=$?
    took=$(($(date +%s) - begun))
    [ $status = 3 ] && [ -z "$told" ] && [ $took -le 20 ] || { echo "status $status after $took s: $told"; exit 1; }
done
