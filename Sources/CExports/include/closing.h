// What Swift does (CapDist) of the calls in which a connection may come to its end, and with it the library, if the
// application has closed it before. Pointers are those of the calls.
#ifndef CLOSING_H
#define CLOSING_H

#include <stdint.h>

int32_t closing_release(void *conn);
int32_t closing_process(void *conn);

#endif
