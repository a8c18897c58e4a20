using System;

namespace Capdist
{
    /// <summary>A stock, warrant or fund. A text such as "HK.00700" converts to it. The first dot separates; the code may
    /// contain dots ("US.BRK.B"). Blanks around the text are skipped, and the market may be in lower case.</summary>
    public struct Security : IEquatable<Security>
    {
        /// <summary>The market, or another number above 0.</summary>
        public Market Market { get; }

        /// <summary>Such as "00700", "AAPL", "BRK.B": 1 to 59 bytes of UTF-8.</summary>
        public string Code { get; }

        /// <summary>Makes a security. A request with it checks it.</summary>
        public Security(Market market, string code)
        {
            Market = market;
            Code = code;
        }

        /// <exception cref="ArgumentException">The text is not a security. The message suggests what was probably
        /// meant.</exception>
        public static unsafe Security Parse(string text)
        {
            if (text == null) throw new ArgumentNullException(nameof(text));
            Native.capdist_security raw;
            using (Texts texts = new Texts())
            {
                CapdistException.Check(Native.capdist_security_parse(texts.Add(text, nameof(text)), &raw));
            }
            return new Security(&raw);
        }

        /// <summary>The same as <see cref="Parse"/>.</summary>
        public static implicit operator Security(string text)
        {
            return Parse(text);
        }

        internal unsafe Security(Native.capdist_security* raw)
        {
            Market = (Market)raw->market;
            Code = Native.Text(raw->code);
        }

        /// <summary>The C struct. The library checks it when a request is made.</summary>
        internal unsafe Native.capdist_security Raw()
        {
            Native.capdist_security raw = new Native.capdist_security { market = (int)Market };
            using (Texts texts = new Texts())
            {
                byte* code = texts.Add(Code ?? "", "code");
                int length = 0;
                while (code[length] != 0) length++;
                if (length >= Native.CAPDIST_CODE_SIZE) throw new ArgumentException("the code is too long", "code");
                for (int at = 0; at < length; at++) raw.code[at] = code[at];
            }
            return raw;
        }

        /// <summary>The text, such as "HK.00700", or "#999.X" if the market has no name here.</summary>
        public override unsafe string ToString()
        {
            try
            {
                Native.capdist_security raw = Raw();
                byte* text = stackalloc byte[Native.CAPDIST_CODE_SIZE + 16];
                UIntPtr size = (UIntPtr)(Native.CAPDIST_CODE_SIZE + 16);
                if (Native.capdist_security_format(&raw, text, size) >= 0) return Native.Text(text);
            }
            catch (ArgumentException)
            {
                // The code is not valid: show it unchanged.
            }
            return "#" + (int)Market + "." + Code;
        }

        /// <inheritdoc/>
        public bool Equals(Security other)
        {
            return Market == other.Market && Code == other.Code;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is Security && Equals((Security)other);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return (int)Market ^ (Code ?? "").GetHashCode();
        }
    }
}
