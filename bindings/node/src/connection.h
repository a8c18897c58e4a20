#ifndef CONNECTION_H
#define CONNECTION_H

#include "values.h"

/// Defines the class Connection. lib/native.js tells what JavaScript sees of it.
napi_value connection_class(napi_env env);

#endif
