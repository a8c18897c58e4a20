#!/usr/bin/env bash
# protobuf-c 1.4.1 (Debian 12): a bool that comes with another wire type is taken for the bool, and may turn a true into a false.
#
# Expected: the message is refused, as it is for a number of another wire type (protobuf-c-wire-type.sh), or the field is unknown.
# Seen: the message is read. A text in the bool's place sets it: an empty one to false, even behind a true of the right type.
# protobuf's own decoder leaves the text among the unknown fields, and the bool as it was.
# Cost: two decoders of one message differ in a yes or no, and neither reports an error.
# shellcheck source=protobuf-c.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/protobuf-c.bash"

# final: true, then an empty text with its number.
expect "$(both 0a080801100218011a00)" "protobuf: in 1, out 2, final yes, code absent; protobuf-c: in 1, out 2, final no, code absent"
# final: only a text of one byte.
expect "$(both 0a07080110021a0101)" "protobuf: in 1, out 2, final absent, code absent; protobuf-c: in 1, out 2, final yes, code absent"
