#!/usr/bin/env bash
# Generates the Java sources that are not in the repository: protobuf's messages for both brands, and moomoo's classes, which are
# made from futu's. Needs protoc. Usage: generate.sh OUT
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")"
messages=../../Sources/CMessages/proto

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for brand in futu moomoo; do
    for file in Common Qot_Common Qot_GetCapitalDistribution; do
        sed "s/^package .*/&\noption java_package = \"com.$brand.openapi.pb\";/" $messages/$file.proto >"$work/$file.proto"
    done
    protoc -I"$work" --java_out="$out" "$work"/*.proto
done

mkdir -p "$out/com/moomoo/openapi"
for source in src/main/java/com/futu/openapi/*.java; do
    name=$(basename "$source")
    sed -f moomoo.sed "$source" >"$out/com/moomoo/openapi/MM${name#FT}"
done
