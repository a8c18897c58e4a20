#!/bin/sh
# protoc decodes what the binding wrote, and prints the same text: text_format.sh PROTO BINARY TEXT
[ -s "$3" ] && protoc -I"$1" --decode=Qot_GetCapitalDistribution.Response Qot_GetCapitalDistribution.proto <"$2" | diff - "$3"
