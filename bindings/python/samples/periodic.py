"""Requests a list of stocks every five minutes, appends their net flows to a CSV file, and draws those of main money:

periodic.py FLOWS.csv CHART.png SECURITY... [--every SECONDS] [--rounds NUMBER] [--host HOST] [--port PORT]
"""

import argparse
import csv
import math
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
from capdist import CapdistError, CapitalDistribution, Client

COLUMNS = ("time", "security", "update_time", "main_net", "retail_net", "total_net", "total_out_share")


def row(figures: CapitalDistribution) -> list[str]:
    """A row of the file. A missing number is blank."""
    numbers = (figures.flow_main.net, figures.flow_retail.net, figures.flow_total.net, figures.flow_total.out_share)
    told = ["" if math.isnan(number) else repr(number) for number in numbers]
    return [time.strftime("%Y-%m-%d %H:%M:%S"), figures.security, figures.update_time_text, *told]


def draw(path: str, courses: dict[str, list[float]]) -> None:
    """Draws a line for each security over the rounds. matplotlib leaves NaN out."""
    axes = plt.figure(figsize=(9, 5), dpi=100).add_subplot()
    for security, nets in courses.items():
        axes.plot(range(1, len(nets) + 1), nets, marker="o", label=security)
    axes.axhline(0, color="grey", linewidth=0.8)
    axes.set_xlabel("round")
    axes.set_ylabel("main money's net, in the security's currency")
    axes.legend()
    plt.savefig(path)
    plt.close("all")


def main() -> int:
    parser = argparse.ArgumentParser(description="A list every five minutes, as CSV and as a chart.")
    parser.add_argument("file", help="the CSV file: lines are appended")
    parser.add_argument("chart", help="the picture, drawn anew after each round")
    parser.add_argument("securities", nargs="+", metavar="SECURITY")
    parser.add_argument("--every", type=float, default=300.0, metavar="SECONDS")
    parser.add_argument("--rounds", type=int, default=0, metavar="NUMBER", help="0, the default: until Ctrl-C")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11111)
    arguments = parser.parse_args()
    courses: dict[str, list[float]] = {security: [] for security in arguments.securities}
    is_new = not Path(arguments.file).exists()
    done = 0
    try:
        # While the gateway is down, requests wait for it.
        with Client(arguments.host, port=arguments.port) as client, open(arguments.file, "a", newline="") as file:
            out = csv.writer(file)
            if is_new:
                out.writerow(COLUMNS)
            while True:
                began = time.monotonic()
                for security, result in client.capital_distributions(courses):
                    if isinstance(result, CapitalDistribution):
                        out.writerow(row(result))
                        courses[security].append(result.flow_main.net)
                    else:
                        print(f"periodic: {result}", file=sys.stderr)
                file.flush()
                draw(arguments.chart, courses)
                done += 1
                if done == arguments.rounds:
                    return 0
                time.sleep(max(0.0, arguments.every - (time.monotonic() - began)))
    except KeyboardInterrupt:
        return 130
    except (CapdistError, OSError) as error:
        print(f"periodic: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
