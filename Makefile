# make demo     fetch HK.00700 through the C library from a stand-in gateway, and print it
# make test     run every test of every language (SUITES="swift c" runs some, see Tests/run.py --list)
# make bench    measure the library and its peers, and write docs/benchmarks.md
# make lib      build the library
# make csharp   build the C# assembly with mcs, into CSHARP_OUT
# make install  put library and headers of C and C++ below PREFIX (after make lib)
# make mutants  break the library on purpose, and see that the tests notice
# make fuzz     feed the library with inputs that search for its mistakes, each target SECONDS=60
# make simulate run SEEDS=1000 schedules FROM=1 in virtual time, with a log in .build/simulate.log
# The first two install what is missing and are harmless to repeat.

SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
SUITES ?=
SEEDS ?= 1000
FROM ?= 1
SECONDS ?= 60
CSHARP_OUT ?= .build/csharp

RELEASE := .build/release
VENV := .venv-test
SWIFT_FILES := Sources Tests Package.swift

# Debian packages: to build; to test.
BUILD_PACKAGES := libprotobuf-c-dev libssl-dev pkg-config gcc g++ binutils make
TEST_PACKAGES := protobuf-c-compiler libcmocka-dev doctest-dev protobuf-compiler libprotobuf-dev python3 python3-venv strace valgrind \
	mono-mcs mono-runtime nunit-console libnunit-framework2.6.3-cil

.PHONY: setup setup-build lib demo test bench csharp install messages messages-check format lint simulate mutants fuzz clean

setup:
	@scripts/setup.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
	@$(MAKE) --silent --no-print-directory $(VENV)/stamp

setup-build:
	@scripts/setup.sh $(BUILD_PACKAGES)

# Made anew when the list of packages changes.
$(VENV)/stamp: Tests/requirements.txt bindings/python/requirements-test.txt
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check $(^:%=--requirement %)
	@touch $@

lib: setup-build
	swift build -c release --product capdist
	@ln -sf libcapdist.so $(RELEASE)/libcapdist.so.1
	@echo "The library is $(RELEASE)/libcapdist.so, its header include/capdist.h."

demo: lib
	swift build -c release --product opend-simulator
	@scripts/demo.sh

test: setup
	@python3 Tests/run.py $(SUITES)

bench: setup
	@python3 Benchmarks/bench.py

mutants: setup
	@python3 Tests/mutants.py

fuzz: setup
	@CAPDIST_FUZZ_SECONDS=$(SECONDS) python3 Tests/run.py fuzzing

simulate: setup-build
	swift build -c release --product simulate
	$(RELEASE)/simulate --seeds $(SEEDS) --from $(FROM) | tee -a .build/simulate.log; exit $${PIPESTATUS[0]}

csharp:
	@mkdir -p $(CSHARP_OUT)
	mcs -nologo -warnaserror -optimize -debug -unsafe -target:library -doc:$(CSHARP_OUT)/Capdist.xml \
	    -out:$(CSHARP_OUT)/Capdist.dll bindings/csharp/src/*.cs bindings/csharp/src/*/*.cs

install:
	install -D -m 644 include/capdist.h $(DESTDIR)$(PREFIX)/include/capdist.h
	install -D -m 755 $(RELEASE)/libcapdist.so $(DESTDIR)$(PREFIX)/lib/libcapdist.so.1
	ln -sf libcapdist.so.1 $(DESTDIR)$(PREFIX)/lib/libcapdist.so
	install -d $(addprefix $(DESTDIR)$(PREFIX)/include/,capdist ftapi)
	install -m 644 bindings/cpp/include/capdist.hpp $(DESTDIR)$(PREFIX)/include
	install -m 644 bindings/cpp/include/capdist/* $(DESTDIR)$(PREFIX)/include/capdist
	install -m 644 bindings/cpp/include/ftapi/* $(DESTDIR)$(PREFIX)/include/ftapi

messages:
	scripts/messages.sh

messages-check:
	scripts/messages.sh --check

format:
	swift format --in-place --recursive $(SWIFT_FILES)

lint:
	swift format lint --strict --recursive $(SWIFT_FILES)

clean:
	rm -rf .build .build-test .build-bench .build-mutants .build-fuzz .build-asan .build-tsan .build-symbols $(VENV) .venv-bench Tests/.results
