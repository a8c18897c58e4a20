package capdist;

import java.time.Duration;
import java.util.Optional;

/**
 * The quota of a connection's group.
 *
 * @param limit requests in a window; 0: no quota is kept
 * @param window the window
 * @param used slots in use: requests in flight, and those of the last window
 * @param waiting requests of the whole group that wait for a slot
 * @param nextSlot until the next slot is free, zero: one is; empty: every slot is held by a request that is in flight
 */
public record Quota(int limit, Duration window, int used, int waiting, Optional<Duration> nextSlot) {}
