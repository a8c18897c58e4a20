/* Connections in application-driven mode that the test drives itself. */
#ifndef CAPDIST_TESTS_SUPPORT_LOOP_H
#define CAPDIST_TESTS_SUPPORT_LOOP_H

#include "support.h"

/** A client in application-driven mode, not opened yet. */
client *new_driven(fixture *f, int port);
/** The same, driven until it is connected. */
client *driven_ready(fixture *f, int port);
/** Whether capdist_process() has something to do. Waits for it. */
bool is_readable(client *c, int timeout_ms);
/** Does the pending work, until there is none. */
void process_all(client *c);
/** Polls and processes, as an application would, until that many callbacks of a kind have come; false: they did not come. */
bool drive_until(client *c, event_kind kind, int count);

#endif
