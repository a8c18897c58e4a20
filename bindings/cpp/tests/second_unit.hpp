// What the second translation unit has: it includes the headers as well.
#pragma once

#include <string>

#include <capdist.hpp>

std::string second_unit_name(capdist::status value);
const std::error_category &second_unit_category();
