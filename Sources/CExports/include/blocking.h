// The parts of the blocking calls, in Swift (CapDist). A thread is cancelled only between two parts, while no Swift
// frame is on its stack and it holds nothing. The pointers are those of the calls. They are `void *` because not all
// who import this header have the folder of capdist.h on their path.
#ifndef BLOCKING_H
#define BLOCKING_H

#include <stdint.h>

/// A part returns this if the call goes on with another part.
enum { BLOCKING_GOES_ON = -1 };

/// - Parameter deadline: 0 for the first part, which stores the call's deadline there.
int32_t blocking_wait_ready(void *conn, int32_t timeout_ms, int64_t *deadline);

/// Makes the request, and waits for the length of one part.
/// - Parameter fetch: receives the argument of the next two functions; not set if the call has ended.
int32_t blocking_begin_fetch(void *conn, const void *security, const void *options, void **reply, void **fetch);

/// - Returns: `BLOCKING_GOES_ON`, or the call's result; then `fetch` is freed.
int32_t blocking_continue_fetch(void *fetch, void **reply);

/// Withdraws the request, because the thread was cancelled. Frees `fetch`.
void blocking_abandon_fetch(void *fetch);

#endif
