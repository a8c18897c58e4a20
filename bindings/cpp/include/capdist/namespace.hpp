/// @file
/// The namespace, which differs with and without exceptions.
#ifndef CAPDIST_NAMESPACE_HPP
#define CAPDIST_NAMESPACE_HPP

/// Whether exceptions are enabled. Without them (-fno-exceptions) there are only the calls with std::error_code.
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define CAPDIST_EXCEPTIONS 1
#define CAPDIST_NAMESPACE_BEGIN namespace capdist {
#define CAPDIST_NAMESPACE_END }
#else
#define CAPDIST_EXCEPTIONS 0
// The names differ from those with exceptions: in a program with both, the linker must not use one's code for the other.
#define CAPDIST_NAMESPACE_BEGIN                                                                                        \
    namespace capdist {                                                                                                \
    inline namespace no_exceptions {
#define CAPDIST_NAMESPACE_END                                                                                          \
    }                                                                                                                  \
    }
#endif

#endif
