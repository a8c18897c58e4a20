/* What the C clients of the benchmark share: the clock, processor time, and the line of figures they print. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* The figure of the gateway's canned answer that every client compares. */
#define EXPECTED_CAPITAL_IN_BIG 859479380.0

/* Round trips are counted by length, so that taking them costs next to nothing; longer ones count as the longest. */
enum { ROUND_TRIP_STEP_NS = 10, ROUND_TRIP_STEPS = 1000 * 1000 / ROUND_TRIP_STEP_NS };

struct measure {
    int requests;
    int64_t started_ns;
    int64_t processor_us;
    int round_trips;
    uint32_t by_length[ROUND_TRIP_STEPS];
};

static inline int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* User and system time of this process so far. */
static inline int64_t processor_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

static inline void measure_start(struct measure *measure, int requests)
{
    measure->requests = requests;
    measure->processor_us = processor_us();
    measure->started_ns = now_ns();
}

/* Counts a round trip that began at `since_ns` and ends now. */
static inline void measure_round_trip(struct measure *measure, int64_t since_ns)
{
    int64_t step = (now_ns() - since_ns) / ROUND_TRIP_STEP_NS;
    measure->by_length[step < ROUND_TRIP_STEPS ? step : ROUND_TRIP_STEPS - 1]++;
    measure->round_trips++;
}

/* The median in microseconds; 0 if none was taken. */
static inline double median_round_trip_us(const struct measure *measure)
{
    int left = measure->round_trips / 2, step = 0;
    if (measure->round_trips == 0) return 0;
    while (left >= (int)measure->by_length[step]) left -= (int)measure->by_length[step++];
    return step * ROUND_TRIP_STEP_NS / 1000.0;
}

/* A line of /proc/self/status, in KiB. */
static inline long memory_kib(const char *name)
{
    char text[256];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(text, sizeof text, file))
        if (strncmp(text, name, strlen(name)) == 0) kib = strtol(text + strlen(name), NULL, 10);
    if (file) fclose(file);
    return kib;
}

/* Prints the figures as one line of JSON. */
static inline void measure_end(const struct measure *measure)
{
    int64_t elapsed_ns = now_ns() - measure->started_ns;
    int64_t used_us = processor_us() - measure->processor_us;
    printf("{\"requests\": %d, \"seconds\": %.6f, \"processor_us\": %lld, \"round_trip_us\": %.3f, "
           "\"peak_kib\": %ld, \"resident_kib\": %ld}\n",
           measure->requests, (double)elapsed_ns / 1e9, (long long)used_us, median_round_trip_us(measure), memory_kib("VmHWM:"),
           memory_kib("VmRSS:"));
}

#endif
