# Builds the shipped library: libcapdist.so with its symbols, and from that libcapdist.so.MAJOR and its debug information.
# Beside it libcapdist.a, whose only global names are those of the header.
# It contains OpenSSL and protobuf-c: Debian's archives, or those of the folder OPENSSL (include/, lib/libssl.a, lib/libcrypto.a).
# make -f scripts/library.mk OUT=FOLDER [OPENSSL=FOLDER] [SANITIZER=address]
# make -f scripts/library.mk OUT=FOLDER alone
#   The library's own code, linked with the system's OpenSSL and protobuf-c: OUT/alone/libcapdist.so.MAJOR. It is not shipped.
#   Tests measure its size, and give it functions that fail.
#
# The library is Embedded Swift in one module. So it needs no Swift runtime (6 MB), and is faster than with the modules of
# Package.swift, since the compiler sees all code at once. SwiftPM supports neither, so this makefile calls the compilers. The
# sources are the same: empty modules satisfy their `import` lines of each other, and a bridging header has the C that they
# import. The clang and lld of the Swift toolchain compile the C, and link.

ifndef OUT
$(error OUT is to tell the folder for the library)
endif
override OUT := $(abspath $(OUT))

MAJOR := $(shell sed -n 's/^\#define CAPDIST_VERSION_MAJOR //p' include/capdist.h)
SONAME := libcapdist.so.$(MAJOR)
OBJECTS := $(OUT)/capdist.build
STAND_INS := Codec Core CExports CMessages CSystem

# told NAME: a value of the compiler's target info.
told = $(shell swiftc -print-target-info | sed -n 's/.*"$(1)": "\(.*\)".*/\1/p')
TARGET := $(call told,unversionedTriple)
RESOURCES := $(call told,runtimeResourcePath)
SWIFT_VERSION := $(word 3,$(call told,compilerVersion))
EMBEDDED := $(RESOURCES)/embedded
CLANG := $(RESOURCES)/../../bin/clang

ifeq ($(wildcard $(EMBEDDED)/Swift.swiftmodule/$(TARGET).swiftmodule),)
$(error This Swift ($(call told,compilerVersion)) has no embedded standard library for $(TARGET), which the library is built \
with: install a toolchain of swift.org, 6.3 or newer)
endif

SWIFT_SOURCES := $(sort $(shell find Sources/Codec Sources/Core Sources/CapDist Sources/Embedded -name '*.swift'))
C_SOURCES := $(sort $(wildcard $(addprefix Sources/,CExports/*.c CMessages/*.c CSystem/*.c Embedded/*.c)))
HEADERS := include/capdist.h $(shell find Sources -name '*.h' -o -name '*.modulemap')
C_OBJECTS := $(C_SOURCES:Sources/%.c=$(OBJECTS)/%.o)
INCLUDES := $(OPENSSL:%=-I%/include) -Iinclude \
	$(addprefix -ISources/,CExports/include CMessages/include CSystem/include COpenSSL CProtobufC Embedded)

# -g also makes unwind tables. Each function has a section of its own, so that the linker can leave out unused ones: half of them.
# LLVM optimises for size, except the functions in hot.txt, which requests wait for (Benchmarks/order.py).
SWIFT_FLAGS := -enable-experimental-feature Embedded -swift-version 6 -wmo -O -Xllvm -force-attribute=optsize -g -parse-as-library \
	-package-name libcapdist -module-cache-path $(OBJECTS)/modules $(SANITIZER:%=-sanitize=%)
C_FLAGS := -std=c11 -O2 -g -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -fno-omit-frame-pointer -Wall -Wextra \
	$(INCLUDES) $(SANITIZER:%=-fsanitize=%)
# Replaces allocation functions: Swift's ignore a failure (Sources/Embedded/embedded.c).
NO_MEMORY := -Wl,--wrap=posix_memalign
# OpenSSL's error texts are left out, except those that the library reads (Sources/Embedded/embedded.c).
NO_TEXTS := -Wl,--wrap=ossl_err_load_crypto_strings
# Functions that connections call lie side by side (Benchmarks/order.py). Names that do not exist do no harm.
ORDER := -Wl,--symbol-ordering-file=Sources/Embedded/order.txt,--no-warn-symbol-ordering
# An application that is built with a sanitizer brings the sanitizer's functions.
LINK_FLAGS := -shared -fuse-ld=lld -Wl,-soname,$(SONAME),--version-script=Sources/Embedded/exports.map,--exclude-libs=ALL \
	$(NO_MEMORY) $(NO_TEXTS) $(ORDER) -Wl,--gc-sections,--icf=all,--build-id=sha1,--as-needed,-z,now,-z,text $(if $(SANITIZER),,-Wl,--no-undefined)
# Swift's Unicode tables are left out: texts are parsed as bytes.
LIBRARIES := $(OPENSSL:%=-L%/lib) -l:libssl.a -l:libcrypto.a -l:libprotobuf-c.a

# The archives may differ from those of the last build and still be older: a package keeps the time at which Debian built it.
archive = $(firstword $(wildcard $(OPENSSL:%=%/lib/$(1))) $(shell $(CLANG) -print-file-name=$(1)))
ARCHIVES := $(foreach name,libssl.a libcrypto.a libprotobuf-c.a,$(call archive,$(name)))

# Deleted sources and changed flags must cause a build, but have no time stamp. tell NAME,WORDS keeps the words in a file.
tell = $(shell mkdir -p $(OBJECTS); echo '$(2)' | cmp -s - $(OBJECTS)/$(1) || echo '$(2)' >$(OBJECTS)/$(1))
ifneq ($(MAKECMDGOALS),toolchain)
$(call tell,made-of,$(SWIFT_SOURCES) $(SWIFT_FLAGS) $(C_FLAGS))
$(call tell,linked-by,$(LINK_FLAGS) $(LIBRARIES) $(shell stat --format='%n %s %Y' $(ARCHIVES)) $(SWIFT_VERSION))
endif

.PHONY: all alone toolchain
.DELETE_ON_ERROR:
all: $(OUT)/$(SONAME) $(if $(SANITIZER),,$(OUT)/libcapdist.a $(OUT)/libcapdist.spdx.json $(OUT)/LICENSE.openssl $(OUT)/LICENSE.protobuf-c)

# Only the check above, that this Swift has what is needed.
toolchain:
	@:

$(OUT)/$(SONAME): $(OUT)/libcapdist.so scripts/split.sh
	scripts/split.sh $< $@

$(OUT)/libcapdist.so: $(OBJECTS)/CapDist.o $(C_OBJECTS) Sources/Embedded/exports.map Sources/Embedded/order.txt $(OBJECTS)/linked-by
	$(CLANG) $(LINK_FLAGS) $(SANITIZER:%=-fsanitize=%) -o $@ $(filter %.o,$^) $(LIBRARIES)

# The SBOM: what the library contains, with versions and licences.
$(OUT)/libcapdist.spdx.json: $(OUT)/$(SONAME) scripts/sbom.py
	python3 -B scripts/sbom.py $< $(SWIFT_VERSION) $(OPENSSL) >$@

# The licences of what is inside, which go with every copy of the library.
licence = $(firstword $(wildcard $(OPENSSL:%=%/LICENSE.txt)) /usr/share/doc/$(1)/copyright)
$(OUT)/LICENSE.openssl: $(call licence,libssl-dev) $(OBJECTS)/linked-by
	cp $< $@
$(OUT)/LICENSE.protobuf-c: /usr/share/doc/libprotobuf-c-dev/copyright $(OBJECTS)/linked-by
	cp $< $@

alone: $(OUT)/alone/$(SONAME)
$(OUT)/alone/$(SONAME): $(OBJECTS)/CapDist.o $(C_OBJECTS) $(OBJECTS)/linked-by
	@mkdir -p $(@D)
	$(CLANG) $(LINK_FLAGS) -Wl,--strip-all -o $@ $(filter %.o,$^) -lssl -lcrypto -lprotobuf-c

# One object, in which all names except the header's are local, since a program may have the same names. COMDAT groups are
# resolved: they would be merged with the program's.
$(OUT)/libcapdist.a: $(OBJECTS)/CapDist.o $(C_OBJECTS) $(OBJECTS)/linked-by
	$(CLANG) -r -fuse-ld=bfd -nostdlib $(NO_MEMORY) $(NO_TEXTS) -Wl,-d,--force-group-allocation -o $(OBJECTS)/whole.o $(filter %.o,$^) $(LIBRARIES)
	objcopy --strip-debug --wildcard --keep-global-symbol='capdist_*' $(OBJECTS)/whole.o $(OBJECTS)/libcapdist.o
	@rm -f $@
	ar rcs $@ $(OBJECTS)/libcapdist.o

$(OBJECTS)/hot: Sources/Embedded/hot.txt $(OBJECTS)/made-of
	sed 's/.*/-Xllvm -force-remove-attribute=&:optsize/' $< >$@

$(OBJECTS)/CapDist.o: $(SWIFT_SOURCES) $(OBJECTS)/made-of $(OBJECTS)/hot $(HEADERS) $(STAND_INS:%=$(OBJECTS)/%.swiftmodule)
	swiftc $(SWIFT_FLAGS) @$(OBJECTS)/hot -Xfrontend -function-sections -module-name CapDist -I $(OBJECTS) $(INCLUDES) \
		-import-objc-header Sources/Embedded/imports.h -disable-bridging-pch -Xcc -fno-omit-frame-pointer \
		-c -o $@ $(SWIFT_SOURCES)

$(OBJECTS)/%.swiftmodule: $(OBJECTS)/made-of
	@mkdir -p $(@D)
	swiftc $(SWIFT_FLAGS) -module-name $* -emit-module -o $@ - </dev/null

$(OBJECTS)/Embedded/%.o: C_FLAGS += -fno-builtin
$(OBJECTS)/%.o: Sources/%.c $(HEADERS) $(OBJECTS)/made-of
	@mkdir -p $(@D)
	$(CLANG) $(C_FLAGS) -c -o $@ $<
