#!/bin/sh
# protobuf's own program reads what ours wrote, and prints the same text for it: text_format.sh PROTO BINARY TEXT
[ -s "$3" ] && protoc -I"$1" --decode=Qot_GetCapitalDistribution.Response Qot_GetCapitalDistribution.proto <"$2" | diff - "$3"
