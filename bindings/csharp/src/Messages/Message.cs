using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Capdist.Messages
{
    /// <summary>The bytes are not a valid message, or a required field is missing.</summary>
    public sealed class InvalidProtocolBufferException : Exception
    {
        internal InvalidProtocolBufferException(string message) : base(message)
        {
        }
    }

    /// <summary>A required field of a message was not set.</summary>
    public sealed class UninitializedMessageException : Exception
    {
        internal UninitializedMessageException(string message) : base(message)
        {
        }
    }

    /// <summary>A field of a message: its number, its name in the .proto file, and its type.</summary>
    internal sealed class Field
    {
        internal readonly int Number;
        internal readonly string Name;
        internal readonly bool IsRequired;
        /// <summary>The value while it is absent; for a message its empty instance.</summary>
        internal readonly object Default;

        private Field(int number, string name, bool isRequired, object standard)
        {
            Number = number;
            Name = name;
            IsRequired = isRequired;
            Default = standard;
        }

        /// <summary>A required field. The default has its type: an int, a double, a string or a message.</summary>
        internal static Field Required(int number, string name, object standard) => new Field(number, name, true, standard);

        /// <summary>An optional field.</summary>
        internal static Field Optional(int number, string name, object standard) => new Field(number, name, false, standard);

        internal WireType WireType => Default is int ? WireType.Varint : Default is double ? WireType.Fixed64 : WireType.Bytes;
    }

    /// <summary>A message of the vendor's protocol. It is immutable, and its builder makes it. Unknown fields are kept, and are
    /// written and printed after the others.</summary>
    public abstract class Message
    {
        internal readonly SortedDictionary<int, object> Values = new SortedDictionary<int, object>();
        internal readonly UnknownFields Unknown = new UnknownFields();

        /// <summary>The known fields, ordered by number.</summary>
        internal abstract Field[] Fields { get; }

        /// <summary>Makes an empty message.</summary>
        internal abstract Message New();

        /// <summary>Whether every required field is set.</summary>
        public bool IsInitialized => Missing() == null;

        /// <summary>The message as protobuf.</summary>
        public byte[] ToByteArray() => Writer.Write(this);

        /// <summary>protobuf's text format: a line for each field, ordered by number; inner messages are indented by two
        /// spaces. Numbers read back as the same value, and bytes that are not ASCII are octal.</summary>
        public override string ToString()
        {
            StringBuilder text = new StringBuilder();
            Print(text, "");
            return text.ToString();
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            Message message = other as Message;
            return message != null && GetType() == message.GetType() && Same(message);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            int hash = GetType().GetHashCode();
            foreach (KeyValuePair<int, object> value in Values) hash = hash * 31 + (value.Key ^ value.Value.GetHashCode());
            return hash;
        }

        internal Field FieldOf(int number)
        {
            foreach (Field field in Fields)
            {
                if (field.Number == number) return field;
            }
            return null;
        }

        internal bool Has(int number) => Values.ContainsKey(number);

        internal T Get<T>(int number)
        {
            object value;
            return (T)(Values.TryGetValue(number, out value) ? value : FieldOf(number).Default);
        }

        /// <summary>The path of a required field that is missing, through the messages around it; null if none is
        /// missing.</summary>
        internal string Missing()
        {
            foreach (Field field in Fields)
            {
                object value;
                if (!Values.TryGetValue(field.Number, out value))
                {
                    if (field.IsRequired) return field.Name;
                    continue;
                }
                Message message = value as Message;
                string missing = message?.Missing();
                if (missing != null) return field.Name + "." + missing;
            }
            return null;
        }

        /// <summary>Copies the fields of `other`. Inner messages are merged, other values are replaced.</summary>
        internal void Merge(Message other)
        {
            foreach (KeyValuePair<int, object> value in other.Values) Merge(value.Key, value.Value);
            Unknown.Add(other.Unknown);
        }

        internal void Merge(int number, object value)
        {
            object before;
            Message addition = value as Message;
            if (addition != null && Values.TryGetValue(number, out before))
            {
                Message merged = addition.New();
                merged.Merge((Message)before);
                merged.Merge(addition);
                value = merged;
            }
            Values[number] = value;
        }

        private bool Same(Message other)
        {
            if (Values.Count != other.Values.Count) return false;
            foreach (KeyValuePair<int, object> value in Values)
            {
                object theirs;
                if (!other.Values.TryGetValue(value.Key, out theirs) || !value.Value.Equals(theirs)) return false;
            }
            return Unknown.ToString() == other.Unknown.ToString();
        }

        private void Print(StringBuilder text, string indentation)
        {
            foreach (KeyValuePair<int, object> value in Values)
            {
                text.Append(indentation).Append(FieldOf(value.Key).Name);
                Message message = value.Value as Message;
                string words = value.Value as string;
                if (message != null)
                {
                    text.Append(" {\n");
                    message.Print(text, indentation + "  ");
                    text.Append(indentation).Append("}\n");
                }
                else if (words != null)
                {
                    text.Append(": \"").Append(Escape(Encoding.UTF8.GetBytes(words))).Append("\"\n");
                }
                else
                {
                    string format = value.Value is double ? "r" : null;
                    text.Append(": ");
                    text.Append(((IFormattable)value.Value).ToString(format, CultureInfo.InvariantCulture)).Append('\n');
                }
            }
            Unknown.Print(text, indentation);
        }

        internal static string Escape(byte[] bytes)
        {
            const string Named = "\a\b\f\n\r\t\v\\'\"";
            const string Letters = "abfnrtv\\'\"";
            StringBuilder text = new StringBuilder(bytes.Length);
            foreach (byte each in bytes)
            {
                int named = Named.IndexOf((char)each);
                if (named >= 0) text.Append('\\').Append(Letters[named]);
                else if (each >= 0x20 && each < 0x80) text.Append((char)each);
                else text.Append('\\').Append(Convert.ToString(each, 8).PadLeft(3, '0'));
            }
            return text.ToString();
        }
    }

    /// <summary>The members that each message type has.</summary>
    public abstract class Message<TMessage, TBuilder> : Message
        where TMessage : Message<TMessage, TBuilder>, new()
        where TBuilder : Builder<TMessage, TBuilder>, new()
    {
        /// <summary>The message without any field.</summary>
        public static TMessage DefaultInstance { get; } = new TMessage();

        /// <summary>A new, empty builder.</summary>
        public static TBuilder CreateBuilder() => new TBuilder();

        /// <summary>A new builder with the prototype's fields.</summary>
        public static TBuilder CreateBuilder(TMessage prototype) => new TBuilder().MergeFrom(prototype);

        /// <exception cref="InvalidProtocolBufferException">The bytes are not a valid message of this type.</exception>
        public static TMessage ParseFrom(byte[] data)
        {
            TMessage message = new TBuilder().MergeFrom(data).BuildPartial();
            string missing = message.Missing();
            if (missing != null) throw new InvalidProtocolBufferException("the message lacks " + missing);
            return message;
        }

        /// <summary>A new builder with this message's fields.</summary>
        public TBuilder ToBuilder() => CreateBuilder((TMessage)this);

        internal override Message New() => new TMessage();
    }

    /// <summary>Builds messages of a type.</summary>
    public abstract class Builder<TMessage, TBuilder>
        where TMessage : Message<TMessage, TBuilder>, new()
        where TBuilder : Builder<TMessage, TBuilder>, new()
    {
        private TMessage made = new TMessage();

        /// <summary>Whether every required field is set.</summary>
        public bool IsInitialized => made.IsInitialized;

        /// <exception cref="UninitializedMessageException">A required field is missing.</exception>
        public TMessage Build()
        {
            string missing = made.Missing();
            if (missing != null) throw new UninitializedMessageException("the message lacks " + missing);
            return BuildPartial();
        }

        /// <summary>The same without the check for required fields.</summary>
        public TMessage BuildPartial()
        {
            TMessage copy = new TMessage();
            copy.Merge(made);
            return copy;
        }

        /// <summary>Copies the message's fields. Inner messages are merged, other values are replaced.</summary>
        public TBuilder MergeFrom(TMessage other)
        {
            if (other == null) throw new ArgumentNullException(nameof(other));
            made.Merge(other);
            return (TBuilder)this;
        }

        /// <summary>The same for a message as protobuf.</summary>
        /// <exception cref="InvalidProtocolBufferException">The bytes are not a valid message.</exception>
        public TBuilder MergeFrom(byte[] data)
        {
            if (data == null) throw new ArgumentNullException(nameof(data));
            TMessage read = new TMessage();
            new Reader(data).Read(read);
            return MergeFrom(read);
        }

        /// <summary>Removes all fields.</summary>
        public TBuilder Clear()
        {
            made = new TMessage();
            return (TBuilder)this;
        }

        internal bool Has(int number) => made.Has(number);

        internal T Get<T>(int number) => made.Get<T>(number);

        internal TBuilder Set(int number, object value)
        {
            if (value == null) throw new ArgumentNullException(nameof(value));
            made.Values[number] = value;
            return (TBuilder)this;
        }

        internal TBuilder Clear(int number)
        {
            made.Values.Remove(number);
            return (TBuilder)this;
        }
    }
}
