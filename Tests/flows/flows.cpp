// Plays Tests/cases/flows.json in C++. Tests/flows/play.py describes the input and output.
#include <capdist.hpp>

#include <array>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>

int main() {
    const auto given = [](double number) { return std::isnan(number) ? std::nullopt : std::optional<double>(number); };
    std::cout << std::setprecision(17);
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        std::array<double, 8> amounts{};
        for (double &amount : amounts) {
            std::string word;
            words >> word;
            amount = std::strtod(word.c_str(), nullptr);
        }
        capdist::capital_distribution figures;
        figures.capital_in_super = given(amounts[0]);
        figures.capital_in_big = amounts[1];
        figures.capital_in_mid = amounts[2];
        figures.capital_in_small = amounts[3];
        figures.capital_out_super = given(amounts[4]);
        figures.capital_out_big = amounts[5];
        figures.capital_out_mid = amounts[6];
        figures.capital_out_small = amounts[7];
        const double nothing = std::numeric_limits<double>::quiet_NaN();
        for (const capdist::flow &flow : {figures.flow_super(), figures.flow_big(), figures.flow_mid(), figures.flow_small(),
                                          figures.flow_main(), figures.flow_retail(), figures.flow_total()}) {
            std::cout << flow.capital_in.value_or(nothing) << ' ' << flow.capital_out.value_or(nothing) << ' '
                      << flow.net.value_or(nothing) << ' ' << flow.out_share.value_or(nothing) << ' ';
        }
        std::cout << '\n';
    }
}
