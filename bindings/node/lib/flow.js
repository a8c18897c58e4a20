// Figures derived for one group of order sizes: sums, net, and the share of sales.
"use strict";

// A result that is not a finite number is missing.
const known = (number) => (Number.isFinite(number) ? number : NaN);

class Flow {
  constructor(moneyIn, moneyOut) {
    const turnover = moneyIn + moneyOut;
    this.capitalIn = known(moneyIn);
    this.capitalOut = known(moneyOut);
    this.net = known(moneyIn - moneyOut);
    this.outShare = turnover > 0 ? known(moneyOut / turnover) : NaN;
  }
}

module.exports = { Flow };
