// The second translation unit, which includes the headers, too.
#pragma once

#include <string>

#include <capdist.hpp>

std::string second_unit_name(capdist::status value);
const std::error_category &second_unit_category();
