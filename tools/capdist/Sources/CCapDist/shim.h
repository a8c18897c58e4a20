#include "../../../../include/capdist.h"
#include <linux/memfd.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <wchar.h>

/* The system's header declares it for X/Open only. */
extern int wcwidth(wchar_t character);

/* The system's header declares it for GNU only. */
extern int memfd_create(const char *name, unsigned int flags);
