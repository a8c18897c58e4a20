#!/usr/bin/env bash
# protobuf-c 1.4.1 (Debian 12): a message with an unknown field that is a group is refused.
#
# Expected: groups can not be declared for protobuf-c, but an unknown one is passed over as every unknown field is.
# Seen: the whole message is refused; protobuf's own decoder reads the known fields.
# Cost: a peer that gains such a field, which the format allows it to do at any time, is not understood any more.
# shellcheck source=protobuf-c.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/protobuf-c.bash"

# Field 15, a group that holds field 1 = 1.
expect "$(both 0a04080110027b08017c)" "protobuf: in 1, out 2, final absent, code absent; protobuf-c: refused"
