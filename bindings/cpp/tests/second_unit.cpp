#include "second_unit.hpp"

std::string second_unit_name(capdist::status value) {
    return capdist::name(value);
}

const std::error_category &second_unit_category() {
    return capdist::category();
}
