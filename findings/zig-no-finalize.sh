#!/usr/bin/env bash
# ziglang 0.17.1 (PyPI): a shared library linked for a named glibc runs no exit function when it is unloaded.
#
# Expected: as with gcc and clang, where a library's start-up objects call __cxa_finalize with the library's own handle at
# dlclose, so that what it registered with atexit runs then.
# Seen: with -target ...-gnu.VERSION the start-up objects are missing (without -target, zig takes those of the machine). Nothing calls __cxa_finalize, every library's __dso_handle is 0, and what was
# registered runs only when the process exits, after the library is gone.
# Cost: clean-up comes too late; and a program whose exit functions lie in the library itself ended with SIGSEGV.
# shellcheck source=common.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/common.bash"
fetch_pip ziglang==0.17.1

cat >library.c <<'C'
#include <stdlib.h>

int registers(void (*function)(void)) { return atexit(function); }
C
cat >program.c <<'C'
#include <dlfcn.h>
#include <stdio.h>

// It lies in the program, so that it is there whenever it is called.
static void run(void) { printf("exit function; "); }

int main(int count, char **arguments) {
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return puts(dlerror()), 1;
    ((int (*)(void (*)(void)))dlsym(library, "registers"))(run);
    dlclose(library);
    printf("%s; ", dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD) ? "still loaded" : "unloaded");
    return 0;
}
C
cc program.c -o program
cc -shared -fPIC library.c -o by_cc.so
venv/bin/python -m ziglang cc -target x86_64-linux-gnu.2.17 -shared -fPIC library.c -o by_zig.so
expect "$(./program ./by_cc.so)" "exit function; unloaded; "
expect "$(./program ./by_zig.so)" "unloaded; exit function; "
