#define _GNU_SOURCE
#include "closing.h"

#include "capdist.h"
#include "csystem.h"

#include <dlfcn.h>

#pragma weak dlclose

typedef capdist_status (*last_step)(capdist_conn *);

// dlclose() in the place of the last step: it returns to the application, as there may be no code here to return to. What it returns
// is 0, CAPDIST_OK.
_Static_assert(CAPDIST_OK == 0, "dlclose() returns it");

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
