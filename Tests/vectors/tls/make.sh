#!/usr/bin/env bash
# Makes the certificates of the tests of TLS, which stand beside it: a CA of their own, servers' certificates that are right or
# wrong in one way each, and one private key for them all. They are of no use outside the tests. Valid until 2125.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out key.pem
touch "$work/index" && echo 01 > "$work/serial"
cat > "$work/ca.conf" << END
[ca]
default_ca = tests
[tests]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
END
openssl req -x509 -new -key "$work/ca.key" -subj "/CN=capdist tests CA" -days 36500 -out ca.pem \
    -addext "keyUsage=critical,keyCertSign"

# NAME SUBJECT-ALT-NAMES START END
certificate() {
    openssl req -new -key key.pem -subj "/CN=$1" -addext "subjectAltName=$2" -out "$work/$1.csr"
    openssl ca -batch -notext -config "$work/ca.conf" -cert ca.pem -keyfile "$work/ca.key" -in "$work/$1.csr" \
        -startdate "$3" -enddate "$4" -out "$1.pem" 2> /dev/null
}
here="DNS:localhost,IP:127.0.0.1,IP:::1"
certificate server "$here" 20240101000000Z 21250101000000Z
certificate expired "$here" 20200101000000Z 20210101000000Z
certificate early "$here" 21240101000000Z 21250101000000Z
certificate other-name "DNS:quotes.example,IP:192.0.2.1" 20240101000000Z 21250101000000Z
openssl req -x509 -new -key key.pem -subj "/CN=self-signed" -addext "subjectAltName=$here" -days 36500 \
    -out self-signed.pem
