#!/usr/bin/env bash
# Embedded Swift 6.3.1: a class's initialiser that throws before its last property is set leaks the object.
#
# Expected: the object and what it holds so far are freed, as normal Swift does with the same source.
# Seen: the object's memory is never freed; an initialiser that throws after the last property is set leaks nothing.
# Cost: a failure that repeats (a connection that can not be set up, a message that can not be read) fills the memory, in code
# whose tests under normal Swift show no leak.
# shellcheck source=swift.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/swift.bash"

cat >classes.swift <<'SWIFT'
enum Failure: Error { case refused }

final class Early {
    let bytes: [UInt8]
    let length: Int
    init(_ length: Int, isRefused: Bool) throws(Failure) {
        bytes = []
        if isRefused { throw .refused }
        self.length = length
    }
}

final class Late {
    let bytes: [UInt8]
    let length: Int
    init(_ length: Int, isRefused: Bool) throws(Failure) {
        bytes = []
        self.length = length
        if isRefused { throw .refused }
    }
}

nonisolated(unsafe) var early: Early?
nonisolated(unsafe) var late: Late?

@_cdecl("make_early") public func makeEarly(_ length: Int, _ isRefused: Bool) {
    do throws(Failure) { early = try Early(length, isRefused: isRefused) } catch {}
}
@_cdecl("make_late") public func makeLate(_ length: Int, _ isRefused: Bool) {
    do throws(Failure) { late = try Late(length, isRefused: isRefused) } catch {}
}
SWIFT
cat >program.c <<'C'
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

void make_early(long length, bool is_refused);
void make_late(long length, bool is_refused);

static const char *leaked(void (*make)(long, bool)) {
    make(1, true);
    size_t before = mallinfo2().uordblks;
    for (long i = 0; i < 10000; i++) make(i, true);
    return mallinfo2().uordblks - before > 100000 ? "leaks" : "is freed";
}

int main(void) {
    printf("early %s, ", leaked(make_early));
    printf("late %s", leaked(make_late));
    return 0;
}
C
tried() {
    swiftc -O -wmo -parse-as-library "$@" -c classes.swift -o classes.o
    cc program.c classes.o -L"$runtime" -lswiftCore -Wl,-rpath,"$runtime" -o program
    ./program
}
expect "$(tried)" "early is freed, late is freed"
expect "$(tried -enable-experimental-feature Embedded)" "early leaks, late is freed"
