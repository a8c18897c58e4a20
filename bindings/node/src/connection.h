#ifndef CONNECTION_H
#define CONNECTION_H

#include "values.h"

/// Defines the class Connection for JavaScript.
napi_value connection_class(napi_env env);

#endif
