// Doctest's own code and its main function, in a file of their own, since they take long to compile.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
