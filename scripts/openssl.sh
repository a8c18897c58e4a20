#!/usr/bin/env bash
# Builds an OpenSSL with little more than the library uses: TLS 1.2 and 1.3, RSA, AES, SHA, MD5, X.509. The source is Debian's,
# with its security fixes. Usage: scripts/openssl.sh FOLDER, then make lib OPENSSL=FOLDER; make lib OPENSSL=small does both
set -euo pipefail
mkdir -p "$1"
out=$(realpath "$1")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Uses the system's package sources as sources of source packages. The machine's settings are not changed.
. /etc/os-release
mkdir -p lists/partial
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    case $file in
    *.sources) awk -v RS= -v ORS='\n\n' -v name="$VERSION_CODENAME" '$0 ~ "Suites:.*" name' "$file" | sed '/^#/d; s/^Types:.*/Types: deb-src/' ;;
    *) sed -n "s/^deb\( .*$VERSION_CODENAME[ -].*\)/deb-src\1/p" "$file" ;;
    esac >>"places.${file##*.}"
done
mkdir parts
for kind in list sources; do [ ! -s "places.$kind" ] || mv "places.$kind" "parts/debian.$kind"; done
places=(-qq -o Dir::Etc::SourceList=/dev/null -o "Dir::Etc::SourceParts=$work/parts" -o "Dir::State::Lists=$work/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
apt-get "${places[@]}" update
# The newest version that can be downloaded: a mirror may list one that it does not have yet.
for version in $(apt-cache "${places[@]}" showsrc openssl | sed -n 's/^Version: //p' | sort --version-sort --reverse --unique); do
    apt-get "${places[@]}" source --download-only "openssl=$version" && break
    echo "openssl: version $version cannot be fetched; an older one is taken" >&2
    rm -f openssl_*
done
# apt has checked its hash with the signed list.
dpkg-source --no-check --extract openssl_*.dsc source >/dev/null
cd source

# Features that neither TLS 1.2 and 1.3 nor the gateway's own encryption need.
without=(shared module engine dso legacy tests filenames sock dgram dh comp srp psk dtls dtls1 dtls1_2 ssl3 tls1 tls1_1 ct ocsp cms ts srtp gost cmp rfc3779
    nextprotoneg ui-console async afalgeng capieng padlockeng ktls sctp cmac siphash blake2 md4 mdc2 rmd160 whirlpool sm2 sm3 sm4 aria
    bf camellia cast des idea rc2 rc4 rc5 seed siv scrypt dsa ec2m ocb multiblock uplink static-engine)
perl Configure --prefix="$out" --libdir=lib --openssldir=/usr/lib/ssl --release "${without[@]/#/no-}" \
    -Os -g0 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections >"$work/log" 2>&1 \
    && make -s build_libs >>"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }
mkdir -p "$out/lib" "$out/include"
cp libssl.a libcrypto.a "$out/lib"
cp -r include/openssl "$out/include"
rm -f "$out"/include/openssl/*.in
cp LICENSE.txt "$out"
# scripts/sbom.py reads it. Only Debian's version number shows the security fixes.
echo "$version" >"$out/debian-version"
echo "OpenSSL $version is in $out."
