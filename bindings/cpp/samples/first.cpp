// Prints the money that went into a stock and out of it today: first [SECURITY [HOST [PORT]]].
#include <capdist.hpp>

#include <cstdlib>
#include <iostream>

int main(int count, char **arguments) {
    const char *text = count > 1 ? arguments[1] : "HK.00700";
    try {
        capdist::connection conn(
            capdist::options(count > 2 ? arguments[2] : "127.0.0.1", count > 3 ? std::atoi(arguments[3]) : 11111));
        conn.wait_ready(std::chrono::seconds(10));
        const capdist::capital_distribution figures = conn.fetch_capital_distribution(text);
        std::cout << std::fixed;
        std::cout.precision(0);
        std::cout << "capital in big:    " << figures.capital_in_big << "\n"
                  << "capital out big:   " << figures.capital_out_big << "\n";
        if (figures.capital_in_super) std::cout << "capital in super:  " << *figures.capital_in_super << "\n";
        if (figures.update_time) std::cout << "as of:             " << *figures.update_time << "\n";
    } catch (const capdist::error &error) {
        std::cerr << text << ": " << error.what() << "\n";
        return 1;
    }
}
