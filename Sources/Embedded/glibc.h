// Embedded Swift has no module for the C library. These are the headers that the library's sources use of it.
#ifndef EMBEDDED_GLIBC_H
#define EMBEDDED_GLIBC_H

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/// Swift does not import functions with a variable number of arguments.
static inline int embedded_open(const char *path, int flags) { return open(path, flags); }

#endif
