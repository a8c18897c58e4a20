/* libcapdist on GLib's main loop, as in a GTK program. `fetch_glib PORT`. */
#include <capdist.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>

typedef struct watched {
    GMainLoop *loop;
    capdist_conn *conn;
    int waiting;
} watched;

static void on_reply(capdist_conn *conn, uint32_t serial_no, const capdist_reply *reply, void *user_data) {
    (void)conn, (void)serial_no;
    watched *all = user_data;
    char name[80];
    capdist_security_format(&reply->security, name, sizeof name);
    if (reply->distribution) printf("%s %.0f\n", name, reply->distribution->capital_in_big);
    else printf("%s %s\n", name, reply->desc);
    if (--all->waiting == 0) g_main_loop_quit(all->loop);
}

static gboolean readable(gint fd, GIOCondition condition, gpointer user_data) {
    (void)fd, (void)condition;
    capdist_process(((watched *)user_data)->conn);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
    capdist_options options;
    capdist_options_init(&options, sizeof options);
    options.mode = CAPDIST_MODE_HOST_DRIVEN;
    options.port = argc > 1 ? atoi(argv[1]) : 11111;
    watched all = {g_main_loop_new(NULL, FALSE), NULL, 0};
    if (capdist_init_connect(&options, &all.conn) != CAPDIST_OK) g_error("%s", capdist_last_error());
    guint source = g_unix_fd_add(capdist_get_fd(all.conn), G_IO_IN, readable, &all);

    static const char *const names[] = {"HK.00700", "HK.99999", "nonsense"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        capdist_security security;
        if (capdist_security_parse(names[i], &security) != CAPDIST_OK) printf("%s %s\n", names[i], capdist_last_error());
        else if (capdist_get_capital_distribution(all.conn, &security, NULL, on_reply, &all, NULL) == CAPDIST_OK) all.waiting++;
    }
    if (all.waiting > 0) g_main_loop_run(all.loop);
    g_source_remove(source); /* before the release closes its descriptor */
    capdist_release(all.conn);
    g_main_loop_unref(all.loop);
    return 0;
}
