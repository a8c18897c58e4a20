namespace Capdist
{
    /// <summary>What follows from the figures of one order size, or of several together. What is missing is null.</summary>
    public sealed class Flow
    {
        /// <summary>Bought.</summary>
        public double? CapitalIn { get; }
        /// <summary>Sold.</summary>
        public double? CapitalOut { get; }
        /// <summary>What came in less what went out: above 0, money stayed.</summary>
        public double? Net { get; }
        /// <summary>What went out in both together, from 0 to 1: above a half, money left.</summary>
        public double? OutShare { get; }

        // A missing figure is NaN, which every sum with it is, too.
        internal Flow(double moneyIn, double moneyOut)
        {
            double turnover = moneyIn + moneyOut;
            CapitalIn = Known(moneyIn);
            CapitalOut = Known(moneyOut);
            Net = Known(moneyIn - moneyOut);
            OutShare = turnover > 0 ? Known(moneyOut / turnover) : null;
        }

        static double? Known(double number) => double.IsNaN(number) || double.IsInfinity(number) ? (double?)null : number;
    }
}
