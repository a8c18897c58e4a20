#include "support_loop.h"

#include <poll.h>

client *new_driven(fixture *f, int port) {
    client *c = new_client(f, port);
    c->options.mode = CAPDIST_MODE_HOST_DRIVEN;
    return c;
}

bool is_readable(client *c, int timeout_ms) {
    struct pollfd descriptor = {.fd = capdist_get_fd(c->conn), .events = POLLIN};
    return poll(&descriptor, 1, timeout_ms) == 1 && descriptor.revents == POLLIN;
}

void process_all(client *c) {
    for (int i = 0; i < 1000 && is_readable(c, 0); i++) assert_status(capdist_process(c->conn), CAPDIST_OK);
    assert_false(is_readable(c, 0));
}

bool drive_until(client *c, event_kind kind, int count) {
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (count_of(c, kind) < count) {
        if (now_ms() >= deadline) return false;
        if (is_readable(c, 100)) assert_status(capdist_process(c->conn), CAPDIST_OK);
    }
    return true;
}

client *driven_ready(fixture *f, int port) {
    client *c = new_driven(f, port);
    open_client(c);
    assert_true(drive_until(c, EVENT_INIT_CONNECT, 1));
    assert_true(event_at(c, EVENT_INIT_CONNECT, 0).err_code == 0);
    return c;
}
