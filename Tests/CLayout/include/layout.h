// Sizes and offsets of the public structs as a C compiler lays them out, for the test that compares Swift's.
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

typedef struct layout_field {
    const char *type;
    const char *name; // "" stands for the struct itself
    size_t offset;    // of the struct itself: its alignment
    size_t size;
} layout_field;

/// Ends with an entry whose type is NULL.
const layout_field *layout_fields(void);

#endif
