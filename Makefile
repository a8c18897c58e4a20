# make demo     fetch HK.00700 through the C library from a stand-in gateway, and print it
# make test     run every test of every language (SUITES="swift c" runs some, see Tests/run.py --list;
#               SUITES=c ONLY=test_quota:slot_of runs one part of a suite, and in it the tests with that in their names)
# make quick    run what a developer wants before each commit: lint, units, the C tests once, Python
# make deep     run what takes long or depends on chance: sanitizers, fuzzing, mutants, many processes and schedules
# make bench    measure the library and its peers, and write docs/benchmarks.md; BASE=libcapdist.so: compare with another build
# make order    write order.txt and hot.txt in Sources/Embedded: the functions that lie side by side or are fast
# make lib      build the library, its debug information and the simulator, in RELEASE; OPENSSL=small: with an OpenSSL that has
#               only what the library uses, built from Debian's source; OPENSSL=folder: with the OpenSSL in that folder
# make tool     build the command capdist (tools/capdist), in RELEASE
# make manual   write the command's manual, packaging/capdist.1
# make java     build the Java binding, .build/java/capdist.jar
# make csharp   build the C# assembly with mcs, into CSHARP_OUT
# make install  install library, headers, documentation, samples and simulator below PREFIX (after make lib); make uninstall
# make wheel    make a Python wheel with the library inside, in DIST
# make deb      build the Debian packages, in DIST
# make jar      build the Java binding's jar, in DIST; make npm: the Node package; make dll: the C# assembly
# make docs     write HTML of the header, in DIST/html
# make abi      record the interface of the header, and write the files that are generated from it (docs/abi.md)
# make mutants  break the library on purpose, and check that a test fails (ONLY=late-sending: one mutant)
# make fuzz     search for inputs that crash the library, each target SECONDS=60
# make simulate run SEEDS=1000 schedules FROM=1 in virtual time, with a log in .build/simulate.log
# demo and test install the packages that are missing. Every command may be repeated.

SHELL := /bin/bash
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DOCDIR ?= $(PREFIX)/share/doc/capdist
DESTDIR ?=
DIST ?= dist
SUITES ?=
ONLY ?=
BASE ?=
BUDGET ?=
SEEDS ?= 1000
FROM ?= 1
SECONDS ?= 60
CSHARP_OUT ?= .build/csharp

# SCRATCH: where Swift builds. LIBRARY: the file to install. PREBUILT=1: use what is built already; then no Swift is needed.
SCRATCH := .build
RELEASE = $(SCRATCH)/release
LIBRARY = $(RELEASE)/libcapdist.so.$(MAJOR)
PREBUILT :=

# The header is the only place that has the version.
version = $(shell sed -n 's/^\#define CAPDIST_VERSION_$(1) //p' include/capdist.h)
MAJOR := $(call version,MAJOR)
VERSION := $(MAJOR).$(call version,MINOR).$(call version,PATCH)

JAVA := .build/java
VENV := .venv-test
BENCH_VENV := .venv-bench
PYPY_VENV := .venv-pypy
AUTOBAHN_VENV := .venv-autobahn
SWIFT_FILES := Sources Tests bindings/swift tools Package.swift

# Debian packages to build the library, and to test it.
BUILD_PACKAGES := libprotobuf-c-dev libssl-dev libjansson-dev pkg-config gcc g++ binutils make
# Packages to build OpenSSL.
OPENSSL_PACKAGES := dpkg-dev perl
PACKAGE_PACKAGES := debhelper lintian doxygen
# Packages to build the command, and to test it.
TOOL_PACKAGES := libsqlite3-dev libtomlplusplus-dev
TOOL_TEST_PACKAGES := chromium librsvg2-bin sqlite3
TEST_PACKAGES := $(PACKAGE_PACKAGES) cmake openssl protobuf-c-compiler libcmocka-dev libuv1-dev libasio-dev doctest-dev protobuf-compiler libprotobuf-dev python3 python3-venv nginx strace valgrind faketime gdb libgc-dev
# Runtimes that the library is tested in. Each runs a program of Tests/runtimes.
RUNTIME_PACKAGES := guile-3.0 libffi-platypus-perl libglib2.0-dev luajit php-cli pypy3 ruby sbcl
# The larger ones, for `make deep`.
DEEP_RUNTIME_PACKAGES := erlang-base erlang-dev gdc golang-go ocaml-nox r-base-core rustc tcl tcl-dev
# Packages to test the C# binding.
CSHARP_PACKAGES := mono-mcs mono-runtime nunit-console libnunit-framework2.6.3-cil
# Packages to build the Java binding, and to test it.
JAVA_PACKAGES := openjdk-17-jdk-headless libjna-java libprotobuf-java protobuf-compiler
JAVA_TEST_PACKAGES := libgoogle-gson-java libguava-java junit5 maven libmaven-compiler-plugin-java libmaven-jar-plugin-java \
	libmaven-resources-plugin-java libmaven-install-plugin-java libsurefire-java \
	libexec-maven-plugin-java libbuild-helper-maven-plugin-java
# Packages of Node, without those that another Node on the machine replaces: Debian's conflict with it.
NODE_PACKAGES = node-typescript node-js-beautify $(if $(shell command -v node),,nodejs) \
    $(if $(shell node bindings/node/headers.js 2>/dev/null),,libnode-dev) $(if $(shell command -v npm),,npm)

.PHONY: setup setup-build lib sanitized tool manual demo test quick deep bench order java csharp install uninstall wheel deb jar npm dll docs abi messages messages-check format lint simulate mutants fuzz clean

setup:
	@scripts/setup.sh $(BUILD_PACKAGES) $(TOOL_PACKAGES) $(TOOL_TEST_PACKAGES) $(TEST_PACKAGES) $(JAVA_PACKAGES) $(JAVA_TEST_PACKAGES) $(CSHARP_PACKAGES) $(NODE_PACKAGES) $(RUNTIME_PACKAGES)
	@$(MAKE) --silent --no-print-directory -j2 $(VENV)/stamp $(BENCH_VENV)/stamp.json

setup-build:
	@scripts/setup.sh $(BUILD_PACKAGES)

# Made again when the list of packages changes.
$(VENV)/stamp: Tests/requirements.txt bindings/python/requirements-test.txt bindings/python/requirements-wheel.txt
	@# Cleared through a link, it would be another tree's that is lost.
	@[ ! -L $(VENV) ] || rm $(VENV)
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $(^:%=--requirement %)
	@touch $@

$(PYPY_VENV)/stamp: bindings/python/requirements-pypy.txt
	@[ ! -L $(PYPY_VENV) ] || rm $(PYPY_VENV)
	pypy3 -m venv --clear $(PYPY_VENV)
	$(PYPY_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(AUTOBAHN_VENV)/stamp: Tests/autobahn/requirements.txt scripts/python2.sh
	@[ ! -L $(AUTOBAHN_VENV) ] || rm $(AUTOBAHN_VENV)
	scripts/python2.sh $(AUTOBAHN_VENV) $< $(VENV)/bin/pip
	@touch $@

# Both at the same time, on a core each. If one fails here, the benchmark tries again, and reports it.
$(BENCH_VENV)/stamp.json: Benchmarks/requirements.txt Benchmarks/requirements-nautilus.txt
	-@cd Benchmarks && python3 -Bc 'import tools; tools.make_venv()' && touch ../$@

SHIP := swift build -c release --scratch-path $(SCRATCH) --disable-local-rpath

# The folder of the small OpenSSL. OPENSSL_FOLDER: the OpenSSL to link; empty: Debian's.
SMALL_OPENSSL := $(SCRATCH)/openssl
OPENSSL ?=
OPENSSL_FOLDER = $(if $(filter small,$(OPENSSL)),$(abspath $(SMALL_OPENSSL)),$(OPENSSL))

$(SMALL_OPENSSL)/lib/libcrypto.a: scripts/openssl.sh
	@scripts/setup.sh $(OPENSSL_PACKAGES)
	scripts/openssl.sh $(SMALL_OPENSSL)

# The shipped library is Embedded Swift. The simulator is normal Swift.
lib: $(if $(PREBUILT),,setup-build $(if $(filter small,$(OPENSSL)),$(SMALL_OPENSSL)/lib/libcrypto.a))
ifeq ($(PREBUILT),)
	@$(MAKE) --no-print-directory -f scripts/library.mk OUT=$(RELEASE) toolchain
	$(SHIP) --product opend-simulator
	@# After the first build, which makes $(RELEASE) a link.
	@$(MAKE) --no-print-directory -f scripts/library.mk OUT=$(RELEASE) OPENSSL=$(OPENSSL_FOLDER)
endif
	@echo "The library is $(LIBRARY), its header include/capdist.h."

# The library with a sanitizer: in .build-asan/debug the shipped one, in .build-tsan/debug the same sources as normal Swift. It
# has both names there.
SANITIZER ?= address
ifeq ($(SANITIZER),thread)
sanitized:
	swift build --sanitize thread --product capdist-normal --scratch-path .build-tsan
	@cd .build-tsan/debug && ln -sf libcapdist-normal.so libcapdist.so && ln -sf libcapdist-normal.so libcapdist.so.$(MAJOR)
else
sanitized:
	@$(MAKE) --no-print-directory -f scripts/library.mk OUT=.build-asan/debug SANITIZER=$(SANITIZER)
endif

# The command contains the Swift runtime, and uses the library that is installed beside it.
tool: lib
ifeq ($(PREBUILT),)
	@scripts/setup.sh $(TOOL_PACKAGES)
	CAPDIST_LIBDIR=$(abspath $(RELEASE)) swift build -c release --package-path tools/capdist --scratch-path $(SCRATCH)/tool \
		--product capdist --static-swift-stdlib --disable-local-rpath
	@objcopy --strip-all $(SCRATCH)/tool/release/capdist $(RELEASE)/capdist.new && mv -f $(RELEASE)/capdist.new $(RELEASE)/capdist
endif
	@echo "The command is $(RELEASE)/capdist."

# The command's argument parser makes the manual from its help texts. It is checked in, since this takes minutes.
manual: tool
	swift build --package-path tools/capdist --scratch-path $(SCRATCH)/tool --product generate-manual
	LD_LIBRARY_PATH=$(abspath $(RELEASE)) $(SCRATCH)/tool/debug/generate-manual $(RELEASE)/capdist --output-directory packaging

demo: lib
	@RELEASE=$(RELEASE) scripts/demo.sh

test: setup
	@python3 Tests/run.py $(SUITES) $(if $(ONLY),--only '$(ONLY)')

quick: setup
	@python3 Tests/run.py --quick

deep: setup
	@scripts/setup.sh $(DEEP_RUNTIME_PACKAGES)
	@$(MAKE) --silent --no-print-directory $(PYPY_VENV)/stamp
	@# Debian 11 may be gone: then its suite fails, and the others run.
	-@$(MAKE) --silent --no-print-directory $(AUTOBAHN_VENV)/stamp
	@python3 Tests/run.py --deep $(if $(BUDGET),--budget $(BUDGET))

bench: setup
	@python3 Benchmarks/bench.py $(if $(BASE),--base '$(BASE)')

order: setup lib
	@python3 Benchmarks/order.py $(RELEASE)/libcapdist.so

mutants: setup
	@python3 Tests/run.py mutants $(if $(ONLY),--only '$(ONLY)')

fuzz: setup
	@CAPDIST_FUZZ_SECONDS=$(SECONDS) python3 Tests/run.py fuzzing

simulate: setup-build
	swift build -c release --product simulate
	$(RELEASE)/simulate --seeds $(SEEDS) --from $(FROM) | tee -a .build/simulate.log; exit $${PIPESTATUS[0]}

java:
	@scripts/setup.sh $(JAVA_PACKAGES)
	@$(MAKE) --silent -C bindings/java OUT=$(abspath $(JAVA))

csharp:
	@scripts/setup.sh mono-mcs mono-runtime
	@$(MAKE) --silent -C bindings/csharp OUT=$(abspath $(CSHARP_OUT))

INSTALL = PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' INCLUDEDIR='$(INCLUDEDIR)' DOCDIR='$(DOCDIR)' \
	DESTDIR='$(DESTDIR)' RELEASE='$(RELEASE)' LIBRARY='$(LIBRARY)' VERSION='$(VERSION)' scripts/install.sh

install:
	@$(INSTALL)

uninstall:
	@$(INSTALL) --uninstall

wheel: tool $(VENV)/stamp
	@scripts/wheel.sh $(VENV)/bin $(LIBRARY) $(RELEASE)/capdist $(DIST)

deb:
	@PREBUILT=$(PREBUILT) scripts/setup.sh $(BUILD_PACKAGES) $(TOOL_PACKAGES) debhelper
	@PREBUILT=$(PREBUILT) RELEASE=$(RELEASE) scripts/deb.sh $(VERSION) $(DIST)

jar: java
	@mkdir -p $(DIST)
	install -m 644 $(JAVA)/capdist.jar $(DIST)/capdist-$(VERSION).jar

npm:
	@scripts/setup.sh $(if $(shell command -v npm),,npm)
	@mkdir -p $(DIST)
	cd bindings/node && npm pack --silent --pack-destination $(abspath $(DIST))

dll: csharp
	@mkdir -p $(DIST)
	install -m 644 $(CSHARP_OUT)/Capdist.dll $(CSHARP_OUT)/Capdist.xml $(DIST)

docs:
	@PREBUILT=1 scripts/setup.sh doxygen
	@mkdir -p $(DIST)
	VERSION=$(VERSION) DIST=$(DIST) doxygen docs/Doxyfile

abi:
	@python3 -B bindings/abi --record

messages:
	scripts/messages.sh

messages-check:
	scripts/messages.sh --check

format:
	swift format --in-place --recursive $(SWIFT_FILES)

lint:
	swift format lint --strict --recursive $(SWIFT_FILES)

clean:
	rm -rf $(DIST) .build .build-test .build-test-debug .build-bench .build-mutants .build-fuzz .build-asan .build-tsan $(VENV) $(BENCH_VENV) $(PYPY_VENV) $(AUTOBAHN_VENV) Tests/.results bindings/java/target bindings/node/build
