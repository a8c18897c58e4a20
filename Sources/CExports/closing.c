#define _GNU_SOURCE
#include "closing.h"

#include "capdist.h"
#include "csystem.h"

#include <dlfcn.h>

#pragma weak dlclose

typedef capdist_status (*last_step)(capdist_conn *);

// The last step jumps to dlclose(), which then returns to the application in this function's place: the library may be
// unloaded. It returns 0, which is CAPDIST_OK.
_Static_assert(CAPDIST_OK == 0, "dlclose() returns 0");

CAPDIST_API capdist_status capdist_release(capdist_conn *conn) {
    const capdist_status status = closing_release(conn);
    void *last = csystem_give_back_all_but_one();
    if (!last) return status;
    __attribute__((musttail)) return ((last_step)(uintptr_t)dlclose)(last);
}

CAPDIST_API capdist_status capdist_process(capdist_conn *conn) {
    const capdist_status status = closing_process(conn);
    void *last = csystem_give_back_all_but_one();
    if (!last) return status;
    if (status != CAPDIST_OK) {
        dlclose(last);
        return status;
    }
    __attribute__((musttail)) return ((last_step)(uintptr_t)dlclose)(last);
}
