/* The scripted gateway: one thread, poll(), and its own implementation of the protocol. */
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct stream {
    int fd; /* -1: closed */
    bool close_wanted, reset_wanted;
    uint8_t *buffer;
    size_t length, room;
} stream;

struct gateway_state {
    pthread_t thread;
    pthread_mutex_t lock; /* guards the fields below */
    pthread_cond_t changed;
    struct sockaddr_storage address;
    socklen_t address_length;
    int listener; /* -1: down */
    int reserved; /* while down: bound and not listening, so that the port is reserved and refuses */
    int wake;
    bool stop, down_wanted;
    stream streams[MAX_STREAMS];
    int stream_count;
    frame *frames;
    size_t frame_count, frame_room;
    struct {
        uint32_t proto_id;
        frame_fn answer;
    } answers[8];
    int answer_count;
};

static void wake(struct gateway_state *s) {
    uint64_t one = 1;
    if (write(s->wake, &one, sizeof one) != sizeof one) abort();
}

static int bound_socket(struct gateway_state *s) {
    int one = 1, fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)&s->address, s->address_length)) {
        perror("gateway: socket");
        abort();
    }
    return fd;
}

/* ---- on the gateway's thread ---- */

static void close_wanted_streams(struct gateway_state *s) {
    for (int i = 0; i < s->stream_count; i++) {
        stream *l = &s->streams[i];
        if (l->fd < 0 || !l->close_wanted) continue;
        struct linger at_once = {1, 0};
        if (l->reset_wanted) setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(l->fd);
        l->fd = -1;
    }
    if (s->down_wanted && s->listener >= 0) {
        s->reserved = bound_socket(s);
        close(s->listener);
        s->listener = -1;
    }
    pthread_cond_broadcast(&s->changed);
}

static void accept_stream(struct gateway_state *s) {
    int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    if (s->stream_count == MAX_STREAMS) abort();
    struct timeval patience = {5, 0};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    s->streams[s->stream_count++] = (stream){.fd = fd};
    pthread_cond_broadcast(&s->changed);
}

static uint32_t u32_at(const uint8_t *bytes) {
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Removes the first complete frame from a connection's bytes. */
static bool take_frame(struct gateway_state *s, int index, frame *out) {
    stream *l = &s->streams[index];
    if (l->length < HEADER_SIZE) return false;
    uint32_t length = u32_at(l->buffer + 12);
    size_t total = HEADER_SIZE + (size_t)length;
    if (l->length < total) return false;
    uint8_t digest[20];
    static const uint8_t zeroes[8];
    sha1(l->buffer + HEADER_SIZE, length, digest);
    *out = (frame){.proto_id = u32_at(l->buffer + 2), .serial_no = u32_at(l->buffer + 8), .stream = index,
                   .at = now_ms(), .length = length};
    out->sound = memcmp(l->buffer, "FT", 2) == 0 && l->buffer[6] == 0 && l->buffer[7] == 0 &&
                 memcmp(digest, l->buffer + 16, 20) == 0 && memcmp(l->buffer + 36, zeroes, 8) == 0;
    memcpy(out->body, l->buffer + HEADER_SIZE, length < sizeof out->body ? length : sizeof out->body);
    memmove(l->buffer, l->buffer + total, l->length - total);
    l->length -= total;
    if (s->frame_count == s->frame_room) {
        s->frame_room = s->frame_room ? 2 * s->frame_room : 64;
        s->frames = realloc(s->frames, s->frame_room * sizeof *s->frames);
        if (!s->frames) abort();
    }
    s->frames[s->frame_count++] = *out;
    pthread_cond_broadcast(&s->changed);
    return true;
}

static frame_fn answer_to(struct gateway_state *s, uint32_t proto_id) {
    frame_fn other = NULL;
    for (int i = 0; i < s->answer_count; i++) {
        if (s->answers[i].proto_id == proto_id) return s->answers[i].answer;
        if (s->answers[i].proto_id == 0) other = s->answers[i].answer;
    }
    return other;
}

static void read_stream(gateway *g, int index) {
    struct gateway_state *s = g->state;
    stream *l = &s->streams[index];
    if (l->room - l->length < 65536) {
        l->room += 65536;
        l->buffer = realloc(l->buffer, l->room);
        if (!l->buffer) abort();
    }
    ssize_t count = recv(l->fd, l->buffer + l->length, l->room - l->length, MSG_DONTWAIT);
    if (count <= 0) {
        l->close_wanted = true;
        return;
    }
    l->length += (size_t)count;
    frame f;
    while (!l->close_wanted && take_frame(s, index, &f)) {
        frame_fn answer = answer_to(s, f.proto_id);
        pthread_mutex_unlock(&s->lock);
        if (answer) answer(g, &f);
        pthread_mutex_lock(&s->lock);
    }
}

static void *run(void *argument) {
    gateway *g = argument;
    struct gateway_state *s = g->state;
    static _Thread_local struct pollfd polled[MAX_STREAMS + 2];
    static _Thread_local int owner[MAX_STREAMS + 2];
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        close_wanted_streams(s);
        nfds_t count = 0;
        polled[count++] = (struct pollfd){.fd = s->wake, .events = POLLIN};
        polled[count++] = (struct pollfd){.fd = s->listener, .events = POLLIN};
        for (int i = 0; i < s->stream_count; i++) {
            if (s->streams[i].fd < 0) continue;
            owner[count] = i;
            polled[count++] = (struct pollfd){.fd = s->streams[i].fd, .events = POLLIN};
        }
        pthread_mutex_unlock(&s->lock);
        poll(polled, count, -1);
        pthread_mutex_lock(&s->lock);
        uint64_t ignored;
        if (polled[0].revents && read(s->wake, &ignored, sizeof ignored) < 0) abort();
        for (nfds_t i = 2; i < count; i++) {
            if (polled[i].revents && !s->streams[owner[i]].close_wanted) read_stream(g, owner[i]);
        }
        if (polled[1].revents && !s->down_wanted && s->listener >= 0) accept_stream(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- called by tests ---- */

gateway *start_gateway_at(fixture *f, const char *address) {
    gateway *g = calloc(1, sizeof *g);
    struct gateway_state *s = calloc(1, sizeof *s);
    if (!g || !s || f->gateway_count == (int)COUNT(f->gateways)) abort();
    g->state = s;
    g->keep_alive_interval = 10;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&s->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->address;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET, s->address_length = sizeof *v4;
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6, s->address_length = sizeof *v6;
    } else {
        abort();
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    s->reserved = -1;
    s->wake = eventfd(0, EFD_CLOEXEC);
    s->listener = bound_socket(s);
    if (getsockname(s->listener, (struct sockaddr *)&s->address, &s->address_length)) abort();
    if (listen(s->listener, 128)) abort();
    g->port = ntohs(s->address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    gateway_on(g, INIT_CONNECT, accept_init_connect);
    gateway_on(g, KEEP_ALIVE, answer_keep_alive);
    gateway_on(g, GET_CAPITAL_DISTRIBUTION, answer_distribution);
    if (pthread_create(&s->thread, NULL, run, g)) abort();
    f->gateways[f->gateway_count++] = g;
    return g;
}

gateway *start_gateway(fixture *f) {
    return start_gateway_at(f, "127.0.0.1");
}

void stop_gateway(gateway *g) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    wake(s);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    for (int i = 0; i < s->stream_count; i++) {
        if (s->streams[i].fd >= 0) close(s->streams[i].fd);
        free(s->streams[i].buffer);
    }
    if (s->listener >= 0) close(s->listener);
    if (s->reserved >= 0) close(s->reserved);
    close(s->wake);
    free(s->frames);
    free(s);
    free(g);
}

void gateway_on(gateway *g, uint32_t proto_id, frame_fn answer) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    int i = 0;
    while (i < s->answer_count && s->answers[i].proto_id != proto_id) i++;
    if (i == (int)COUNT(s->answers)) abort();
    s->answers[i].proto_id = proto_id;
    s->answers[i].answer = answer;
    if (i == s->answer_count) s->answer_count++;
    pthread_mutex_unlock(&s->lock);
}

void gateway_send_raw(gateway *g, int index, const void *bytes, size_t length) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    const uint8_t *next = bytes;
    while (length > 0 && index < s->stream_count && s->streams[index].fd >= 0 && !s->streams[index].close_wanted) {
        ssize_t count = send(s->streams[index].fd, next, length, MSG_NOSIGNAL);
        if (count <= 0) break; /* the client has closed the connection */
        next += count;
        length -= (size_t)count;
    }
    pthread_mutex_unlock(&s->lock);
}

void gateway_send(gateway *g, int index, uint32_t proto_id, uint32_t serial_no, const void *body, size_t length) {
    uint8_t *bytes = malloc(HEADER_SIZE + length);
    if (!bytes) abort();
    gateway_send_raw(g, index, bytes, pack_frame(bytes, proto_id, serial_no, body, length));
    free(bytes);
}

void gateway_reply(gateway *g, const frame *request, const message *body) {
    gateway_send(g, request->stream, request->proto_id, request->serial_no, body->bytes, body->length);
}

/* Makes the gateway's thread do something, and waits for it, unless this is that thread. */
static void have_done(struct gateway_state *s, bool (*done)(struct gateway_state *, int), int argument) {
    wake(s);
    while (!pthread_equal(pthread_self(), s->thread) && !done(s, argument)) pthread_cond_wait(&s->changed, &s->lock);
}

static bool line_is_closed(struct gateway_state *s, int index) {
    return s->streams[index].fd < 0;
}

static bool is_down(struct gateway_state *s, int unused) {
    (void)unused;
    for (int i = 0; i < s->stream_count; i++) {
        if (s->streams[i].fd >= 0) return false;
    }
    return s->listener < 0;
}

void gateway_close_stream(gateway *g, int index, bool reset) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    if (index < s->stream_count) {
        s->streams[index].close_wanted = true;
        s->streams[index].reset_wanted = reset;
        have_done(s, line_is_closed, index);
    }
    pthread_mutex_unlock(&s->lock);
}

void gateway_go_down(gateway *g) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    s->down_wanted = true;
    for (int i = 0; i < s->stream_count; i++) s->streams[i].close_wanted = true;
    have_done(s, is_down, 0);
    pthread_mutex_unlock(&s->lock);
}

void gateway_come_back(gateway *g) {
    struct gateway_state *s = g->state;
    pthread_mutex_lock(&s->lock);
    if (s->reserved < 0 || listen(s->reserved, 128)) abort();
    s->listener = s->reserved;
    s->reserved = -1;
    s->down_wanted = false;
    wake(s);
    pthread_mutex_unlock(&s->lock);
}

static int count_locked(struct gateway_state *s, uint32_t proto_id) {
    int count = 0;
    for (size_t i = 0; i < s->frame_count; i++) count += s->frames[i].proto_id == proto_id;
    return count;
}

int gateway_frame_count(gateway *g, uint32_t proto_id) {
    pthread_mutex_lock(&g->state->lock);
    int count = count_locked(g->state, proto_id);
    pthread_mutex_unlock(&g->state->lock);
    return count;
}

bool gateway_frame(gateway *g, uint32_t proto_id, int index, frame *out) {
    struct gateway_state *s = g->state;
    bool found = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->frame_count && !found; i++) {
        if (s->frames[i].proto_id != proto_id || index-- > 0) continue;
        *out = s->frames[i];
        found = true;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

static bool wait_until(struct gateway_state *s, bool (*holds)(struct gateway_state *, uint32_t, int), uint32_t a, int b,
                       int timeout_ms) {
    int64_t end = now_ms() + timeout_ms;
    struct timespec limit = {end / 1000, end % 1000 * 1000000};
    pthread_mutex_lock(&s->lock);
    bool in_time = true;
    while (!holds(s, a, b) && in_time) in_time = pthread_cond_timedwait(&s->changed, &s->lock, &limit) == 0;
    bool held = holds(s, a, b);
    pthread_mutex_unlock(&s->lock);
    return held;
}

static bool has_frames(struct gateway_state *s, uint32_t proto_id, int count) {
    return count_locked(s, proto_id) >= count;
}

static bool has_streams(struct gateway_state *s, uint32_t unused, int count) {
    (void)unused;
    return s->stream_count >= count;
}

bool gateway_wait(gateway *g, uint32_t proto_id, int count, int timeout_ms) {
    return wait_until(g->state, has_frames, proto_id, count, timeout_ms);
}

bool gateway_wait_streams(gateway *g, int count, int timeout_ms) {
    return wait_until(g->state, has_streams, 0, count, timeout_ms);
}

static bool has_closed(struct gateway_state *s, uint32_t unused, int index) {
    (void)unused;
    return index < s->stream_count && s->streams[index].fd < 0;
}

bool gateway_wait_closed(gateway *g, int stream, int timeout_ms) {
    return wait_until(g->state, has_closed, 0, stream, timeout_ms);
}

int gateway_stream_count(gateway *g) {
    pthread_mutex_lock(&g->state->lock);
    int count = g->state->stream_count;
    pthread_mutex_unlock(&g->state->lock);
    return count;
}

/* ---- ready-made answers ---- */

void accept_init_connect(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    put_number(&s2c, 1, 1011);
    put_number(&s2c, 2, 10000001);
    put_number(&s2c, 3, 6825683696684969514 + request->stream);
    put_text(&s2c, 4, "0123456789abcdef");
    put_number(&s2c, 5, g->keep_alive_interval);
    put_number(&response, 1, 0);
    put_message(&response, 4, &s2c);
    gateway_reply(g, request, &response);
}

void answer_keep_alive(gateway *g, const frame *request) {
    message s2c = {0}, response = {0};
    put_number(&s2c, 1, 1654656262);
    put_number(&response, 1, 0);
    put_message(&response, 4, &s2c);
    gateway_reply(g, request, &response);
}

void requested_code(const frame *request, char code[CAPDIST_CODE_SIZE]) {
    const uint8_t *c2s, *security, *text;
    size_t c2s_length, security_length, length;
    size_t kept = request->length < sizeof request->body ? request->length : sizeof request->body;
    code[0] = 0;
    if (find_field(request->body, kept, 1, NULL, &c2s, &c2s_length) &&
        find_field(c2s, c2s_length, 1, NULL, &security, &security_length) &&
        find_field(security, security_length, 2, NULL, &text, &length) && length < CAPDIST_CODE_SIZE) {
        memcpy(code, text, length);
        code[length] = 0;
    }
}

void answer_distribution(gateway *g, const frame *request) {
    char code[CAPDIST_CODE_SIZE];
    message response = {0};
    requested_code(request, code);
    put_distribution(&response, strtod(code, NULL), true);
    gateway_reply(g, request, &response);
}

void answer_first_only(gateway *g, const frame *request) {
    if (gateway_frame_count(g, request->proto_id) == 1) answer_distribution(g, request);
}

void answer_nothing(gateway *g, const frame *request) {
    (void)g, (void)request;
}

void answer_by_closing(gateway *g, const frame *request) {
    gateway_close_stream(g, request->stream, false);
}

void answer_by_reset(gateway *g, const frame *request) {
    gateway_close_stream(g, request->stream, true);
}
