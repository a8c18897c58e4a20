#include <capdist.h>
