#!/bin/sh
# Runs sanitized.js with the addon under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer: sanitized.sh PACKAGE
# PACKAGE is the folder of a package, whose addon is built again. The gateway's port is in PORT.
set -eu
here=$(dirname "$0")
MAKEFLAGS= make --silent -B -C "$1" CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined' LDFLAGS=-fsanitize=address,undefined >&2
told=$(LD_PRELOAD=$(cc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=1:exitcode=0:halt_on_error=1 \
    CAPDIST_ADDON=$1 node --expose-gc "$here/sanitized.js" 2>&1) || { echo "$told"; exit 1; }
case $told in
*'ERROR: AddressSanitizer'* | *'runtime error'*) echo "$told"; exit 1 ;;
*'all done'*) ;;
*) echo "$told"; exit 1 ;;
esac
case $told in
*'SUMMARY: AddressSanitizer'*) ;;
*) echo "LeakSanitizer did not report: $told"; exit 1 ;;
esac
# Node itself leaks much. Only leaks count that the addon allocated, or that it made Node allocate and must free.
echo "$told" | awk -v RS= '/leak of/ &&
    /#[0-9]+ [^\n]* in (__interceptor_[^\n]*|[a-z]*alloc|napi_create_reference|napi_async_init|napi_add_async_cleanup_hook|napi_wrap) [^\n]*\n *#[0-9]+ [^\n]* in [^\n]* src\/[^\n]*\.c:/ {
    print; leaks = 1 } END { exit leaks }'
