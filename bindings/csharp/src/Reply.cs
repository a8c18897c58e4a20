using System;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Capdist
{
    /// <summary>Money that went into a stock and out of it during today's regular trading hours, by order size. Amounts are in
    /// the security's currency.
    /// <para>Order sizes are relative to a reference: the average turnover of a trade over the last month, for warrants over
    /// the last three days. An order is small if its turnover is below the reference, mid from there, and big from ten times
    /// the reference. The vendor does not publish where extra-large (super) begins. A figure that the gateway did not send is
    /// null.</para></summary>
    public sealed class CapitalDistribution
    {
        /// <summary>Bought with extra-large orders.</summary>
        public double? CapitalInSuper { get; }
        /// <summary>Bought with big orders.</summary>
        public double CapitalInBig { get; }
        /// <summary>Bought with mid orders.</summary>
        public double CapitalInMid { get; }
        /// <summary>Bought with small orders.</summary>
        public double CapitalInSmall { get; }
        /// <summary>Sold with extra-large orders.</summary>
        public double? CapitalOutSuper { get; }
        /// <summary>Sold with big orders.</summary>
        public double CapitalOutBig { get; }
        /// <summary>Sold with mid orders.</summary>
        public double CapitalOutMid { get; }
        /// <summary>Sold with small orders.</summary>
        public double CapitalOutSmall { get; }
        /// <summary>The market's local time, "yyyy-MM-dd HH:mm:ss", as the gateway wrote it.</summary>
        public string UpdateTime { get; }
        /// <summary>Unix time in seconds.</summary>
        public double? UpdateTimestamp { get; }

        /// <summary>Figures of extra-large orders.</summary>
        public Flow FlowSuper => new Flow(CapitalInSuper ?? double.NaN, CapitalOutSuper ?? double.NaN);
        /// <summary>Figures of big orders.</summary>
        public Flow FlowBig => new Flow(CapitalInBig, CapitalOutBig);
        /// <summary>Figures of mid orders.</summary>
        public Flow FlowMid => new Flow(CapitalInMid, CapitalOutMid);
        /// <summary>Figures of small orders.</summary>
        public Flow FlowSmall => new Flow(CapitalInSmall, CapitalOutSmall);
        /// <summary>Figures of main money: super and big. If an amount is missing, the sum is missing, too.</summary>
        public Flow FlowMain => new Flow(
            (CapitalInSuper ?? double.NaN) + CapitalInBig, (CapitalOutSuper ?? double.NaN) + CapitalOutBig);
        /// <summary>Figures of retail: mid and small.</summary>
        public Flow FlowRetail => new Flow(CapitalInMid + CapitalInSmall, CapitalOutMid + CapitalOutSmall);
        /// <summary>Figures of all four order sizes. If an amount is missing, the sum is missing, too.</summary>
        public Flow FlowTotal => new Flow(
            (CapitalInSuper ?? double.NaN) + CapitalInBig + CapitalInMid + CapitalInSmall,
            (CapitalOutSuper ?? double.NaN) + CapitalOutBig + CapitalOutMid + CapitalOutSmall);

        static readonly Regex WallClock = new Regex(
            @"\A([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?\z",
            RegexOptions.CultureInvariant);

        /// <summary>The update time as a date and time of day in the market's time zone, of unspecified kind. Texts without
        /// seconds, or with a fraction of a second, are read, too. Null if the text is missing or is not a valid
        /// time.</summary>
        public DateTime? UpdateWallClock => UpdateTime == null ? null : ReadWallClock(UpdateTime);

        internal static DateTime? ReadWallClock(string text)
        {
            Match found = WallClock.Match(text);
            if (!found.Success) return null;
            int year = Word(found, 1), month = Word(found, 2), day = Word(found, 3);
            int hour = Word(found, 4), minute = Word(found, 5), second = Word(found, 6);
            if (year < 1 || month < 1 || month > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)) return null;
            if (hour > 23 || minute > 59 || second > 59) return null;
            // DateTime has a resolution of 100 ns.
            string fraction = found.Groups[7].Value.PadRight(7, '0').Substring(0, 7);
            return new DateTime(year, month, day, hour, minute, second).AddTicks(int.Parse(fraction, CultureInfo.InvariantCulture));
        }

        static int Word(Match found, int group)
        {
            string word = found.Groups[group].Value;
            return word == "" ? 0 : int.Parse(word, CultureInfo.InvariantCulture);
        }

        internal unsafe CapitalDistribution(Native.capdist_capital_distribution* raw)
        {
            uint present = raw->present;
            CapitalInSuper = (present & Native.CAPDIST_HAS_CAPITAL_IN_SUPER) != 0 ? raw->capital_in_super : (double?)null;
            CapitalInBig = raw->capital_in_big;
            CapitalInMid = raw->capital_in_mid;
            CapitalInSmall = raw->capital_in_small;
            CapitalOutSuper = (present & Native.CAPDIST_HAS_CAPITAL_OUT_SUPER) != 0 ? raw->capital_out_super : (double?)null;
            CapitalOutBig = raw->capital_out_big;
            CapitalOutMid = raw->capital_out_mid;
            CapitalOutSmall = raw->capital_out_small;
            UpdateTime = (present & Native.CAPDIST_HAS_UPDATE_TIME) != 0 ? Native.Text(raw->update_time) : null;
            UpdateTimestamp = (present & Native.CAPDIST_HAS_UPDATE_TIMESTAMP) != 0 ? raw->update_timestamp : (double?)null;
        }

        internal unsafe Native.capdist_capital_distribution Raw(Texts texts)
        {
            uint present = Native.RequiredFigures;
            if (CapitalInSuper.HasValue) present |= Native.CAPDIST_HAS_CAPITAL_IN_SUPER;
            if (CapitalOutSuper.HasValue) present |= Native.CAPDIST_HAS_CAPITAL_OUT_SUPER;
            if (UpdateTime != null) present |= Native.CAPDIST_HAS_UPDATE_TIME;
            if (UpdateTimestamp.HasValue) present |= Native.CAPDIST_HAS_UPDATE_TIMESTAMP;
            return new Native.capdist_capital_distribution
            {
                capital_in_super = CapitalInSuper ?? double.NaN,
                capital_in_big = CapitalInBig,
                capital_in_mid = CapitalInMid,
                capital_in_small = CapitalInSmall,
                capital_out_super = CapitalOutSuper ?? double.NaN,
                capital_out_big = CapitalOutBig,
                capital_out_mid = CapitalOutMid,
                capital_out_small = CapitalOutSmall,
                update_time = texts.Add(UpdateTime ?? "", "updateTime"),
                update_timestamp = UpdateTimestamp ?? double.NaN,
                present = present
            };
        }
    }

    /// <summary>How a request for a capital distribution completed.</summary>
    public sealed class Reply
    {
        /// <summary>Ok, or why there is no <see cref="Distribution"/>.</summary>
        public Status Status { get; }
        /// <summary>The request's serial number.</summary>
        public uint SerialNo { get; }
        /// <summary>The requested security.</summary>
        public Security Security { get; }
        /// <summary>True: sent, and its quota slot is used; false: never sent, safe to repeat.</summary>
        public bool WasSent { get; }
        /// <summary><see cref="Status.RateLimited"/>: the time until the quota group sends again; else zero.</summary>
        public TimeSpan RetryAfter { get; }
        /// <summary>0 success, -1 failed, -100 timeout, -200 disconnected, -400 unknown, -500 invalid; null if the gateway sent
        /// none.</summary>
        public int? RetType { get; }
        /// <summary>The gateway's error code; null if it sent none.</summary>
        public int? ErrCode { get; }
        /// <summary>The gateway's message, often Chinese; null if it sent none.</summary>
        public string RetMsg { get; }
        /// <summary>What happened, in English; "" if the status is Ok.</summary>
        public string Desc { get; }
        /// <summary>The figures; null unless the status is Ok.</summary>
        public CapitalDistribution Distribution { get; }
        /// <summary>The answer's protobuf as it came, decrypted; empty if none came.</summary>
        public byte[] Body { get; }
        /// <summary>Whether to repeat the request.</summary>
        public Retry Retry { get; }
        /// <summary>The answer is another request's (<see cref="RequestOptions.MaxAge"/>); then this one was not sent.</summary>
        public bool FromCache { get; }
        /// <summary>If from the cache: from the arrival of the answer to the completion of this request; else zero.</summary>
        public TimeSpan Age { get; }

        internal unsafe Reply(Native.capdist_reply* raw)
        {
            Status = (Status)raw->status;
            SerialNo = raw->serial_no;
            Security = new Security(&raw->security);
            WasSent = raw->was_sent != 0;
            RetryAfter = TimeSpan.FromMilliseconds(raw->retry_after_ms);
            RetType = (raw->present & Native.CAPDIST_HAS_RET_TYPE) != 0 ? raw->ret_type : (int?)null;
            ErrCode = (raw->present & Native.CAPDIST_HAS_ERR_CODE) != 0 ? raw->err_code : (int?)null;
            RetMsg = (raw->present & Native.CAPDIST_HAS_RET_MSG) != 0 ? Native.Text(raw->ret_msg) : null;
            Desc = Native.Text(raw->desc);
            Distribution = raw->distribution == null ? null : new CapitalDistribution(raw->distribution);
            Body = Native.Bytes(raw->body, raw->body_length);
            Retry = Native.RetryOf(raw->retry);
            FromCache = (raw->from_cache ?? 0) != 0;
            Age = TimeSpan.FromMilliseconds(raw->age_ms ?? 0);
        }

        /// <summary>The figures.</summary>
        /// <exception cref="RequestException">The request completed without figures.</exception>
        public CapitalDistribution Value
        {
            get
            {
                if (Distribution == null) throw new RequestException(this);
                return Distribution;
            }
        }

        /// <summary>The gateway's answer as JSON: the field names of the .proto files; fields that it did not send are left
        /// out.
        /// </summary>
        public unsafe string ToJson()
        {
            using (Texts texts = new Texts())
            {
                Native.capdist_reply raw = new Native.capdist_reply { ret_msg = texts.Add(RetMsg ?? "", "retMsg") };
                if (RetMsg != null) raw.present |= Native.CAPDIST_HAS_RET_MSG;
                if (RetType.HasValue) raw.present |= Native.CAPDIST_HAS_RET_TYPE;
                if (ErrCode.HasValue) raw.present |= Native.CAPDIST_HAS_ERR_CODE;
                raw.ret_type = RetType ?? 0;
                raw.err_code = ErrCode ?? 0;
                Native.capdist_capital_distribution figures;
                if (Distribution != null)
                {
                    figures = Distribution.Raw(texts);
                    raw.distribution = &figures;
                }
                byte[] buffer = new byte[1 + Native.capdist_reply_to_json(&raw, null, UIntPtr.Zero)];
                fixed (byte* into = buffer) Native.capdist_reply_to_json(&raw, into, (UIntPtr)buffer.Length);
                return Encoding.UTF8.GetString(buffer, 0, buffer.Length - 1);
            }
        }
    }

    /// <summary>How a request of <see cref="Client.SendProto"/> completed.</summary>
    public sealed class ProtoReply
    {
        /// <summary>As in <see cref="Reply"/>; Ok also for a body without a retType.</summary>
        public Status Status { get; }
        /// <summary>The request's serial number.</summary>
        public uint SerialNo { get; }
        /// <summary>The request's protocol number.</summary>
        public uint ProtoId { get; }
        /// <summary>True: sent; false: never sent, safe to repeat.</summary>
        public bool WasSent { get; }
        /// <summary>As in <see cref="Reply"/>.</summary>
        public TimeSpan RetryAfter { get; }
        /// <summary>The body's retType; null if it has none.</summary>
        public int? RetType { get; }
        /// <summary>What happened, in English; "" if the status is Ok.</summary>
        public string Desc { get; }
        /// <summary>The answer's protobuf as it came, decrypted; empty if none came.</summary>
        public byte[] Body { get; }
        /// <summary>Whether to repeat the request.</summary>
        public Retry Retry { get; }

        internal unsafe ProtoReply(Native.capdist_proto_reply* raw)
        {
            Status = (Status)raw->status;
            SerialNo = raw->serial_no;
            ProtoId = raw->proto_id;
            WasSent = raw->was_sent != 0;
            RetryAfter = TimeSpan.FromMilliseconds(raw->retry_after_ms);
            RetType = (raw->present & Native.CAPDIST_HAS_RET_TYPE) != 0 ? raw->ret_type : (int?)null;
            Desc = Native.Text(raw->desc);
            Body = Native.Bytes(raw->body, raw->body_length);
            Retry = Native.RetryOf(raw->retry);
        }
    }
}
