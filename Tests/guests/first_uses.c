/* Preloaded into a program that uses libcapdist. When the program ends, it reports which of the library's lazily initialised
 * variables have been initialised. FIRST_USES names the file that lists them (offset in hex, name), FIRST_USES_OUT the file that
 * the names are appended to. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int find(struct dl_phdr_info *info, size_t size, void *base) {
    (void)size;
    if (strstr(info->dlpi_name, "libcapdist.so") == NULL) return 0;
    *(uintptr_t *)base = info->dlpi_addr;
    return 1;
}

__attribute__((destructor)) static void tell(void) {
    uintptr_t base = 0;
    const char *list_name = getenv("FIRST_USES"), *out_name = getenv("FIRST_USES_OUT");
    if (list_name == NULL || out_name == NULL || dl_iterate_phdr(find, &base) == 0) return;
    FILE *list = fopen(list_name, "r"), *out = fopen(out_name, "a");
    if (list == NULL || out == NULL) abort();
    uintptr_t offset;
    char name[4096];
    while (fscanf(list, "%" SCNxPTR " %4095s", &offset, name) == 2) {
        int64_t value;
        memcpy(&value, (const void *)(base + offset), sizeof value);
        if (value != 0) fprintf(out, "%s\n", name);
    }
    fclose(list);
    fclose(out);
}
