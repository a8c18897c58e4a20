#!/usr/bin/env bash
# Embedded Swift 6.3.1: no unwind tables that a running program can use, not even with -g.
#
# Expected: .eh_frame, as every object file for x86-64 Linux has, so that backtrace() and a C++ exception pass through.
# Seen: without -g there are no tables, and with it only .debug_frame, which is not loaded and goes with strip. backtrace() from a
# C function that Swift calls ends at the Swift frame. Normal Swift has .eh_frame either way.
# Cost: profilers and crash reporters show nothing of who called; an exception that must pass such a frame finds no handler.
# shellcheck source=swift.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/swift.bash"

echo '@_cdecl("call") public func call(_ f: @convention(c) (Int32) -> Int32, _ n: Int32) -> Int32 { f(n) &+ f(n &+ 1) }' >call.swift
cat >program.c <<'C'
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

int call(int (*function)(int), int number);

static int is_seen;
static int look(int number) {
    void *frames[32];
    int count = backtrace(frames, 32);
    char **names = backtrace_symbols(frames, count);
    for (int i = 0; i < count; i++) is_seen |= strstr(names[i], "(main") != NULL;
    return number;
}

int main(void) {
    int sum = call(look, 1);
    puts(is_seen ? "reaches main" : "ends before main");
    return sum == 0;
}
C
tried() {
    swiftc -O -wmo -parse-as-library "$@" -c call.swift -o call.o
    cc -rdynamic program.c call.o -L"$runtime" -lswiftCore -Wl,-rpath,"$runtime" -o program
    echo "$(readelf -SW call.o | grep -oE '\.(eh|debug)_frame' | sort -u | tr '\n' ' ')$(./program)"
}
expect "$(tried)" ".eh_frame reaches main"
expect "$(tried -enable-experimental-feature Embedded)" "ends before main"
expect "$(tried -enable-experimental-feature Embedded -g)" ".debug_frame ends before main"
