using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Capdist
{
    /// <summary>Converts between values of C and C#. Abi.cs has the interface itself.</summary>
    internal static unsafe partial class Native
    {
        /// <summary>The figures that every answer must have: in and out, big, mid and small.</summary>
        internal const uint RequiredFigures = CAPDIST_HAS_CAPITAL_IN_BIG | CAPDIST_HAS_CAPITAL_IN_MID | CAPDIST_HAS_CAPITAL_IN_SMALL
            | CAPDIST_HAS_CAPITAL_OUT_BIG | CAPDIST_HAS_CAPITAL_OUT_MID | CAPDIST_HAS_CAPITAL_OUT_SMALL;

        /// <summary>Throws if the library has another major version. Called before any struct is passed to it.</summary>
        internal static void CheckVersion()
        {
            string version = Text(capdist_version());
            if (version.StartsWith(CAPDIST_VERSION_MAJOR + ".", StringComparison.Ordinal)) return;
            throw new NotSupportedException("libcapdist is " + version + "; this needs " + CAPDIST_VERSION_MAJOR + ".x");
        }

        /// <summary>Whether the library has at least that minor version. It may be older than this assembly.</summary>
        internal static bool IsAtLeast(int minor)
        {
            return int.Parse(Text(capdist_version()).Split('.')[1], CultureInfo.InvariantCulture) >= minor;
        }

        /// <summary>The constant with this number; Unknown for null, and for a number that only a newer library has.</summary>
        internal static Retry RetryOf(int? number)
        {
            return number is int known && Enum.IsDefined(typeof(Retry), known) ? (Retry)known : Retry.Unknown;
        }

        /// <summary>What the status alone tells.</summary>
        internal static Retry RetryOf(Status status)
        {
            return IsAtLeast(1) ? RetryOf(capdist_status_retry((int)status)) : Retry.Unknown;
        }

        /// <summary>Converts a C string; "" for NULL.</summary>
        internal static string Text(byte* text)
        {
            if (text == null) return "";
            int length = 0;
            while (text[length] != 0) length++;
            return length == 0 ? "" : Encoding.UTF8.GetString(text, length);
        }

        internal static byte[] Bytes(byte* bytes, UIntPtr length)
        {
            byte[] copy = new byte[checked((int)length)];
            if (copy.Length > 0) Marshal.Copy((IntPtr)bytes, copy, 0, copy.Length);
            return copy;
        }

        /// <summary>Rounds up, since 0 means the default. A time that an int cannot hold stays out of range, and the library
        /// refuses it.</summary>
        internal static int Milliseconds(TimeSpan time)
        {
            double rounded = time > TimeSpan.Zero ? Math.Ceiling(time.TotalMilliseconds) : Math.Floor(time.TotalMilliseconds);
            return (int)Math.Max(int.MinValue, Math.Min(int.MaxValue, rounded));
        }
    }

    /// <summary>C strings that live for one call. They are overwritten afterwards, since one may be a key.</summary>
    internal sealed unsafe class Texts : IDisposable
    {
        private static readonly Encoding Strict = new UTF8Encoding(false, true);
        private readonly List<KeyValuePair<IntPtr, int>> copies = new List<KeyValuePair<IntPtr, int>>();

        /// <summary>Adds a copy of the text; returns NULL for null.</summary>
        internal byte* Add(string text, string name)
        {
            if (text == null) return null;
            if (text.IndexOf('\0') >= 0) throw new ArgumentException(name + " holds a NUL", name);
            int size;
            try
            {
                size = Strict.GetByteCount(text) + 1;
            }
            catch (EncoderFallbackException)
            {
                throw new ArgumentException(name + " is no Unicode: half of a surrogate pair", name);
            }
            IntPtr copy = Marshal.AllocHGlobal(size);
            copies.Add(new KeyValuePair<IntPtr, int>(copy, size));
            fixed (char* from = text) Strict.GetBytes(from, text.Length, (byte*)copy, size);
            ((byte*)copy)[size - 1] = 0;
            return (byte*)copy;
        }

        public void Dispose()
        {
            foreach (KeyValuePair<IntPtr, int> copy in copies)
            {
                for (int at = 0; at < copy.Value; at++) ((byte*)copy.Key)[at] = 0;
                Marshal.FreeHGlobal(copy.Key);
            }
            copies.Clear();
        }
    }
}
