package capdist;

import java.time.Duration;
import java.util.Optional;

/**
 * The state of a quota group.
 *
 * @param limit requests in a window; 0: no quota is kept
 * @param window the window's length
 * @param used slots in use: by requests in flight, and by those answered within the last window
 * @param waiting requests of the whole group that wait for a slot
 * @param nextSlot the time until a slot is free; zero: one is free now; empty: not known, because requests in flight use every
 *     slot
 */
public record Quota(int limit, Duration window, int used, int waiting, Optional<Duration> nextSlot) {}
