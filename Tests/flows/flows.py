"""Plays Tests/cases/flows.json in Python. Tests/flows/play.py describes the input and output."""

from __future__ import annotations

import sys

from capdist import CapitalDistribution

for line in sys.stdin:
    figures = CapitalDistribution("HK.00700", *map(float, line.split()), None, "", 0.0)
    flows = (figures.flow_super, figures.flow_big, figures.flow_mid, figures.flow_small,
             figures.flow_main, figures.flow_retail, figures.flow_total)  # fmt: skip
    print(*(repr(number) for flow in flows for number in (flow.capital_in, flow.capital_out, flow.net, flow.out_share)))
