namespace Capdist
{
    /// <summary>Figures derived for one group of order sizes, in the security's currency. A missing number is null.</summary>
    public sealed class Flow
    {
        /// <summary>Bought.</summary>
        public double? CapitalIn { get; }
        /// <summary>Sold.</summary>
        public double? CapitalOut { get; }
        /// <summary><c>CapitalIn - CapitalOut</c>; above 0 if more was bought than sold.</summary>
        public double? Net { get; }
        /// <summary><c>CapitalOut / (CapitalIn + CapitalOut)</c>, from 0 to 1; above 0.5 if more was sold than
        /// bought.</summary>
        public double? OutShare { get; }

        // A missing figure is NaN, and so is every sum with it.
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
