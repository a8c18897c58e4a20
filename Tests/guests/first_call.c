/* Makes a process's first call, and nothing else. */
#include "capdist.h"

int main(void) {
    capdist_options options;
    return capdist_options_init(&options, sizeof options) != CAPDIST_OK;
}
