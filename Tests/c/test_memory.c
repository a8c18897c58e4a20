/* The library's memory does not grow, however long it runs. */
#include "support.h"

#include <malloc.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

enum { WINDOW = 64, WARM_UP = 10000, REQUESTS = 200000, FAILING = 3, MEGABYTE = 1 << 20 };

typedef struct counter {
    sem_t free; /* how many more requests may be in flight */
    int statuses[64];
} counter;

static void count_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no;
    counter *c = user_data;
    c->statuses[reply->status]++;
    sem_post(&c->free);
}

static void count_proto_reply(capdist_conn *conn, uint32_t serial_no, const capdist_proto_reply *reply,
                              void *user_data) {
    (void)conn, (void)serial_no;
    counter *c = user_data;
    c->statuses[reply->status]++;
    sem_post(&c->free);
}

/* Requests that are answered, refused, raw or cancelled: each might leak in its own way. */
static void ask_one(capdist_conn *conn, counter *c, int i) {
    static const uint8_t user_id[512] = {0x0a, 0x02, 0x08, 0x00}; /* the rest makes it malformed, and large enough to see a leak */
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    assert_int_equal(sem_clockwait(&c->free, CLOCK_MONOTONIC, &end), 0);
    uint32_t serial_no;
    capdist_security security = security_of(i % FAILING ? "HK.00700" : "HK.99999");
    if (i % 4 == 3) {
        assert_status(capdist_send_proto(conn, GET_GLOBAL_STATE, user_id, sizeof user_id, NULL, count_proto_reply, c,
                                         &serial_no),
                      CAPDIST_OK);
    } else {
        assert_status(capdist_get_capital_distribution(conn, &security, NULL, count_reply, c, &serial_no), CAPDIST_OK);
    }
    if (i % 5 == 0) (void)capdist_cancel(conn, serial_no); /* it may have been answered */
}

static size_t allocated(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static long resident(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    long size, pages;
    assert_int_equal(fscanf(file, "%ld %ld", &size, &pages), 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void memory_is_flat(void **state) {
    client *c = new_client(*state, start_simulator(*state, "--no-quota", NULL));
    c->options.on_log = NULL; /* its records would count as the library's memory */
    open_ready(c);
    unwatch(); /* the usual time limit is too short for so many */
    alarm(120);
    counter *counts = calloc(1, sizeof *counts);
    assert_non_null(counts);
    sem_init(&counts->free, 0, WINDOW);
    for (int i = 0; i < WARM_UP; i++) ask_one(c->conn, counts, i);
    size_t bytes = allocated();
    long pages = resident();
    for (int i = 0; i < REQUESTS; i++) ask_one(c->conn, counts, i);
    long grown = (long)(allocated() - bytes);
    long grown_pages = resident() - pages;
    for (int i = 0; i < WINDOW; i++) sem_wait(&counts->free);
    alarm(0);
    printf("allocated %+ld bytes, resident %+ld bytes after %d requests\n", grown, grown_pages, REQUESTS);
    assert_in_range(grown + MEGABYTE, 0, 2 * MEGABYTE);
    assert_in_range(grown_pages + MEGABYTE, 0, 2 * MEGABYTE);
    int done = 0;
    for (size_t i = 0; i < COUNT(counts->statuses); i++) done += counts->statuses[i];
    assert_int_equal(done, WARM_UP + REQUESTS);
    assert_true(counts->statuses[CAPDIST_OK] > REQUESTS / 4);
    assert_true(counts->statuses[CAPDIST_REFUSED] > REQUESTS / 10);
    assert_true(counts->statuses[CAPDIST_CANCELLED] > 0);
    assert_status(capdist_release(c->conn), CAPDIST_OK);
    sem_destroy(&counts->free);
    free(counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {TEST(memory_is_flat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
