// The parts of the blocking calls that Swift does (CapDist): a thread is cancelled only between them, where no frame of Swift's
// is on its stack and nothing is held. Pointers are those of the calls; capdist.h's types would need its folder wherever this
// is imported.
#ifndef BLOCKING_H
#define BLOCKING_H

#include <stdint.h>

/// What a part returns that did not come to the call's end.
enum { BLOCKING_GOES_ON = -1 };

/// - Parameter deadline: 0 the first time; the call's own.
int32_t blocking_wait_ready(void *conn, int32_t timeout_ms, int64_t *deadline);

/// Asks.
/// - Parameter fetch: what the next two take; NULL if it was refused.
int32_t blocking_begin_fetch(void *conn, const void *security, const void *options, void **reply, void **fetch);

/// - Returns: `BLOCKING_GOES_ON`, or how it ended; then `fetch` is gone.
int32_t blocking_continue_fetch(void *fetch, void **reply);

/// Gives up: the request will tell nobody.
void blocking_abandon_fetch(void *fetch);

#endif
