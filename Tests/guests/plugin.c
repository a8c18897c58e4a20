/* A plug-in: as it is unloaded, its destructor calls what the application has set. */
void (*plugin_ends)(void);

__attribute__((destructor)) static void end(void) {
    if (plugin_ends) plugin_ends();
}
