"""Draws the money that went into a stock and out of it today, by order size: plot.py FILE.png [SECURITY] [HOST] [PORT]"""

import argparse
import sys

import matplotlib.pyplot as plt
from capdist import CapdistError, Client

SIZES = ("super", "big", "mid", "small")
IN, OUT = "#2a9d5c", "#c8423b"


def main() -> int:
    parser = argparse.ArgumentParser(description="Draws what went into a stock today and what went out, by order size.")
    parser.add_argument("file", help="what to write, with any ending that matplotlib knows: png, svg, pdf")
    parser.add_argument("security", nargs="?", default="HK.00700")
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("port", nargs="?", default=11111, type=int)
    arguments = parser.parse_args()
    try:
        with Client(arguments.host, port=arguments.port, reconnect=False) as client:
            figures = client.capital_distribution(arguments.security)
    except CapdistError as error:
        print(f"plot: {error}", file=sys.stderr)
        return 1

    # A size that the gateway did not send is NaN, and matplotlib draws no bar for it.
    places = range(len(SIZES))
    axes = plt.figure(figsize=(8, 5), dpi=100).add_subplot()
    for side, shift, color in (("in", -0.2, IN), ("out", 0.2, OUT)):
        amounts = [getattr(figures, f"capital_{side}_{size}") for size in SIZES]
        axes.bar([place + shift for place in places], amounts, width=0.4, label=side, color=color)
    axes.set_xticks(list(places), [f"{size} orders" for size in SIZES])
    axes.set_ylabel("amount, in the security's currency")
    axes.set_title(f"{arguments.security}, {figures.update_time or 'no time told'}")
    axes.legend()
    plt.savefig(arguments.file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
