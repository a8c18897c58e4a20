/// @file
/// libcapdist for C++17: the C interface (capdist.h) with RAII, std::chrono, std::optional, exceptions or error codes, futures
/// and, with C++20, coroutines. Header-only; link with -lcapdist.
///
/// What capdist.h says about threads, quotas, serial numbers and release applies here, too. Only ownership differs.
#ifndef CAPDIST_HPP
#define CAPDIST_HPP

#include "capdist/connection.hpp"

#endif
