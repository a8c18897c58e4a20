// Doctest's own code and its main, apart from the tests: it compiles as long as they do.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
