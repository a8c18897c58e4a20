/// @file
/// The namespace, with exceptions and without.
#ifndef CAPDIST_NAMESPACE_HPP
#define CAPDIST_NAMESPACE_HPP

/// Whether this is compiled with exceptions. Without (-fno-exceptions) there are only the calls that take a std::error_code.
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define CAPDIST_EXCEPTIONS 1
#define CAPDIST_NAMESPACE_BEGIN namespace capdist {
#define CAPDIST_NAMESPACE_END }
#else
#define CAPDIST_EXCEPTIONS 0
// Other names than with exceptions: the linker of a program that has units of both must not take one's code for the other's.
#define CAPDIST_NAMESPACE_BEGIN                                                                                        \
    namespace capdist {                                                                                                \
    inline namespace no_exceptions {
#define CAPDIST_NAMESPACE_END                                                                                          \
    }                                                                                                                  \
    }
#endif

#endif
