#!/usr/bin/env bash
# protobuf-c 1.4.1 (Debian 12): an embedded message that comes in two pieces is refused.
#
# Expected: the pieces are merged, as the encoding's specification says of an embedded message that occurs again, and required
# fields are looked for in what the pieces make together.
# Seen: each piece must have all required fields; if one has not, the whole message is refused. Two pieces that are each
# complete are merged well. protobuf's own decoder takes both.
# Cost: a peer that writes a message in pieces (an encoder that appends to bytes it has) is taken for one that sends rubbish.
# shellcheck source=protobuf-c.bash
findings=$(cd "$(dirname "$0")" && pwd) && source "$findings/protobuf-c.bash"

expect "$(both 0a0208010a021002)" "protobuf: in 1, out 2, final absent, code absent; protobuf-c: refused"
expect "$(both 0a04080110020a0408051006)" \
    "protobuf: in 5, out 6, final absent, code absent; protobuf-c: in 5, out 6, final absent, code absent"
