#!/usr/bin/env bash
# Installs the library, headers, documentation and samples below PREFIX; with --uninstall removes the same files.
# The Makefile calls it, and sets PREFIX, LIBDIR, INCLUDEDIR, DOCDIR, DESTDIR, RELEASE, LIBRARY, VERSION.
set -euo pipefail
cd "$(dirname "$0")/.."

doc=$DOCDIR
cmake=$LIBDIR/cmake/capdist
soname=libcapdist.so.${VERSION%%.*}
action=install
[ "${1:-}" = --uninstall ] && action=uninstall
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# put MODE FOLDER FILE...
put() {
    local mode=$1 folder=$DESTDIR$2 file
    shift 2
    for file in "$@"; do
        if [ $action = install ]; then
            install -D -m "$mode" "$file" "$folder/${file##*/}"
        else
            rm -f "$folder/${file##*/}"
        fi
    done
}

# mirror FILE...: installs below the documentation's folder in the same folders as here, so that links work.
mirror() {
    local file
    for file in "$@"; do put 644 "$doc/$(dirname "$file")" "$file"; done
}

# fill TEMPLATE: replaces its @NAMES@ in a copy, and prints the copy's path.
fill() {
    local file=${1##*/}
    file=$made/${file%.in}
    sed -e "s|@PREFIX@|$PREFIX|; s|@INCLUDEDIR@|${INCLUDEDIR/#$PREFIX\//\$\{prefix\}/}|; s|@LIBDIR@|${LIBDIR/#$PREFIX\//\$\{prefix\}/}|" \
        -e "s|@INCLUDE_FROM_LIB@|$(realpath -ms --relative-to="/$LIBDIR" "/$INCLUDEDIR")|" \
        -e "s|@LIBRARY@|$soname|; s|@VERSION@|$VERSION|; s|@MAJOR@|${VERSION%%.*}|" "$1" >"$file"
    echo "$file"
}

if [ $action = install ]; then
    for file in "$LIBRARY" "$RELEASE/libcapdist.a" "$RELEASE/libcapdist.spdx.json" "$RELEASE/opend-simulator"; do
        [ -f "$file" ] || { echo "install: there is no $file: run 'make lib' first" >&2; exit 1; }
    done
    cp "$LIBRARY" "$made/$soname"
    # The manual contains the text of --help, with troff's special characters escaped.
    "$RELEASE/opend-simulator" --help | sed "s/[\\]/\\\\e/g; s/-/\\\\-/g; s/^[.']/\\\\\&&/" >"$made/help"
    sed -e "s/@VERSION@/$VERSION/; /@HELP@/{r $made/help" -e 'd;}' packaging/opend-simulator.1.in >"$made/opend-simulator.1"
fi

# The command, if `make tool` has built it, with its manual and the shells' completion scripts.
tool=$RELEASE/capdist
if [ $action = install ] && [ -x "$tool" ]; then
    for shell in bash zsh fish; do
        # They are not executable: a shell reads them.
        LD_LIBRARY_PATH=$made "$tool" --generate-completion-script $shell | sed '1{/^#!/d}' >"$made/$shell"
    done
    mkdir "$made"/{bash-completion,zsh-completion,fish-completion}
    mv "$made/bash" "$made/bash-completion/capdist"
    mv "$made/zsh" "$made/zsh-completion/_capdist"
    mv "$made/fish" "$made/fish-completion/capdist.fish"
fi
if [ $action = uninstall ] || [ -x "$tool" ]; then
    put 755 "$PREFIX/bin" "$tool"
    put 644 "$PREFIX/share/man/man1" packaging/capdist.1
    put 644 "$PREFIX/share/bash-completion/completions" "$made/bash-completion/capdist"
    put 644 "$PREFIX/share/zsh/vendor-completions" "$made/zsh-completion/_capdist"
    put 644 "$PREFIX/share/fish/vendor_completions.d" "$made/fish-completion/capdist.fish"
else
    echo "install: without the command capdist, which 'make tool' makes" >&2
fi

put 644 "$LIBDIR" "$made/$soname" "$RELEASE/libcapdist.a"
put 755 "$PREFIX/bin" "$RELEASE/opend-simulator"
put 644 "$doc" "$RELEASE/libcapdist.spdx.json" "$RELEASE/LICENSE.openssl" "$RELEASE/LICENSE.protobuf-c"
put 644 "$INCLUDEDIR" include/capdist.h bindings/cpp/include/capdist.hpp
put 644 "$INCLUDEDIR/capdist" bindings/cpp/include/capdist/*.hpp
put 644 "$INCLUDEDIR/ftapi" bindings/cpp/include/ftapi/*
put 644 "$LIBDIR/pkgconfig" "$(fill packaging/capdist.pc.in)"
put 644 "$cmake" "$(fill packaging/capdistConfig.cmake.in)" "$(fill packaging/capdistConfigVersion.cmake.in)"
put 644 "$PREFIX/share/man/man1" "$made/opend-simulator.1"
mirror README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE docs/*.{md,svg}
mirror bindings/c/README.md bindings/c/*.c bindings/c/adapters/*.{c,h}
mirror bindings/cpp/README.md bindings/cpp/samples/*.cpp bindings/cpp/include/capdist/asio.hpp
mirror bindings/python/README.md bindings/python/samples/*.{md,py} bindings/python/tests/test_greenlets.py Tests/runtimes/fetch*
mirror bindings/{java,csharp,node}/README.md Tests/Fuzz/README.md include/capdist.h
mirror bindings/swift/README.md bindings/swift/Package.swift bindings/swift/Sources/*/*.*

# The symbolic link that the linker looks for.
if [ $action = install ]; then
    ln -sf "$soname" "$DESTDIR$LIBDIR/libcapdist.so"
else
    rm -f "$DESTDIR$LIBDIR/libcapdist.so"
    # Removes the project's own folders, unless they contain other files.
    for folder in "$INCLUDEDIR/capdist" "$INCLUDEDIR/ftapi" "$cmake" "$doc"; do
        [ ! -d "$DESTDIR$folder" ] || find "$DESTDIR$folder" -depth -type d -empty -delete
    done
fi
