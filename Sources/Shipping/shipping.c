// What only the shipped library contains.

// The static Swift runtime would install handlers for SIGQUIT, SIGABRT, SIGBUS, SIGFPE and SIGILL at load if it found
// swift-backtrace beside the library. A guest installs none: this definition keeps the runtime's own out of the link.
int _swift_installCrashHandler(void) { return 0; }
