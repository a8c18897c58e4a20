/// @file
/// libcapdist for C++17: the C interface (capdist.h) with owners, times, optionals, exceptions or error codes, futures,
/// and, with C++20, coroutines. Header-only; link with -lcapdist.
///
/// What capdist.h says about threads, quotas, serial numbers and release holds here; only ownership is C++'s.
#ifndef CAPDIST_HPP
#define CAPDIST_HPP

#include "capdist/connection.hpp"

#endif
