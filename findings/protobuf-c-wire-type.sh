#!/usr/bin/env bash
# protobuf-c 1.4.1 (Debian 12): an optional field that comes with another wire type makes the message unreadable.
#
# Expected: a known number with another wire type counts as an unknown field, so that a field whose type was changed costs
# only that field.
# Seen: the whole message is refused, though the field is optional. protobuf's own decoder reports the field as absent.
# Cost: a peer that changes the type of one optional number breaks every reader that uses protobuf-c.
# shellcheck source=protobuf-c.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/protobuf-c.bash"

# code, declared int32, as four fixed bytes.
expect "$(both 0a04080110021501000000)" "protobuf: in 1, out 2, final absent, code absent; protobuf-c: refused"
