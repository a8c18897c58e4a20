/* Reads a configuration file with toml++ (Debian: libtomlplusplus-dev). */
#ifndef CTOML_H
#define CTOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One setting. `value` is its text, its number, "1" or "0"; NULL for other types. Valid until the callback returns. */
typedef void (*ctoml_setting_fn)(void *context, const char *name, const char *value);

/* Calls `each` for every top-level setting. Returns 0, or the line of the first error; its text is put into `error`. */
int ctoml_read(const char *text, size_t length, ctoml_setting_fn each, void *context, char *error, size_t size);

#ifdef __cplusplus
}
#endif

#endif
