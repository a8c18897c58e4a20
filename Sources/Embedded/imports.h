// All C that the library's Swift uses, for the build in one module. The C library comes first, so that its types belong
// to Glibc.
#include "glibc.h"

#include "../CExports/include/blocking.h"
#include "../CExports/include/closing.h"
#include "../CMessages/include/CMessages.h"
#include "../COpenSSL/shim.h"
#include "../CProtobufC/shim.h"
#include "../CSystem/include/csystem.h"
#include "capdist.h"
