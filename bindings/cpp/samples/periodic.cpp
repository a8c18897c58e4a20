// Requests a list every five minutes, appends the net flows to a CSV file, and draws those of main money as SVG:
// periodic HOST PORT SECONDS ROUNDS FLOWS.csv CHART.svg SECURITY...      (300 seconds; 0 rounds: until it is ended)
#include <capdist.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>
#include <vector>

namespace {

using courses = std::map<std::string, std::vector<std::optional<double>>>;

/// Writes a missing number as blank, not as zero.
std::ostream &operator<<(std::ostream &out, const std::optional<double> &number) {
    return number ? out << *number : out;
}

void append(std::ostream &out, const std::string &security, const capdist::capital_distribution &figures) {
    out << security << ',' << figures.update_time.value_or("") << ',';
    out << figures.flow_main().net << ',' << figures.flow_retail().net << ',' << figures.flow_total().net << ',';
    out << figures.flow_total().out_share << '\n';
}

/// Draws a line for each security over the rounds. A missing net interrupts the line.
void draw(const std::string &path, const courses &told) {
    static const char *const colours[] = {"#1f6feb", "#d4691e", "#0f766e", "#6639ba", "#b42318"};
    double low = 0, high = 0;
    std::size_t rounds = 1;
    for (const auto &[security, nets] : told) {
        rounds = std::max(rounds, nets.size());
        for (const auto &net : nets) low = std::min(low, net.value_or(0)), high = std::max(high, net.value_or(0));
    }
    const double span = high > low ? high - low : 1;
    const auto y = [&](double net) { return 20 + 260 * (high - net) / span; };
    std::ofstream out(path);
    out << R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 300" font-family="sans-serif" font-size="12">)" << '\n'
        << R"(<rect width="640" height="300" fill="white"/><path stroke="grey" d="M20 )" << y(0) << "H520\"/>\n";
    std::size_t place = 0;
    for (const auto &[security, nets] : told) {
        const char *colour = colours[place % std::size(colours)];
        out << "<path fill=\"none\" stroke=\"" << colour << "\" d=\"";
        bool joined = false;
        for (std::size_t round = 0; round < nets.size(); round++) {
            if (nets[round]) out << (joined ? 'L' : 'M') << 20 + 500.0 * round / std::max<std::size_t>(rounds - 1, 1) << ' ' << y(*nets[round]);
            joined = nets[round].has_value();
        }
        out << "\"/><text x=\"530\" y=\"" << 30 + 16 * place++ << "\" fill=\"" << colour << "\">" << security << "</text>\n";
    }
    out << "</svg>\n";
}

} // namespace

int main(int count, char **arguments) {
    if (count < 8) {
        std::cerr << "usage: periodic HOST PORT SECONDS ROUNDS FLOWS.csv CHART.svg SECURITY...\n";
        return 2;
    }
    const auto every = std::chrono::seconds(std::atoi(arguments[3]));
    const int rounds = std::atoi(arguments[4]);
    const bool is_new = !std::ifstream(arguments[5]);
    std::ofstream out(arguments[5], std::ios::app);
    out.precision(17);
    if (is_new) out << "security,update_time,main_net,retail_net,total_net,total_out_share\n";
    courses told;
    try {
        capdist::connection conn(capdist::options(arguments[1], std::atoi(arguments[2])));
        for (int round = 1; rounds == 0 || round <= rounds; round++) {
            const auto next = std::chrono::steady_clock::now() + every;
            // All are requested at once. The library sends as many as the quota allows.
            std::vector<std::future<capdist::capital_distribution>> answers;
            for (int place = 7; place < count; place++) answers.push_back(conn.async_capital_distribution(arguments[place]));
            for (int place = 7; place < count; place++) {
                std::optional<double> net;
                try {
                    const capdist::capital_distribution figures = answers[place - 7].get();
                    append(out, arguments[place], figures);
                    net = figures.flow_main().net;
                } catch (const capdist::error &error) {
                    std::cerr << arguments[place] << ": " << error.what() << "\n";
                }
                told[arguments[place]].push_back(net);
            }
            out.flush();
            draw(arguments[6], told);
            if (!out) throw std::runtime_error(std::string(arguments[5]) + " cannot be written");
            if (round != rounds) std::this_thread::sleep_until(next);
        }
    } catch (const std::exception &error) {
        std::cerr << "periodic: " << error.what() << "\n";
        return 1;
    }
}
