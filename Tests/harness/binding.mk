# Shared by the Makefiles of the bindings' tests. Each lists its parts in PARTS, and has a target test-PART for each, which
# reports in TAP.
#   CAPDIST_LIBDIR     the folder of libcapdist.so and opend-simulator; default: where `make lib` puts them
#   PART, ONLY         one part alone; tests whose names contain this text
#   RESULTS            the folder for the files that the tests make
.DEFAULT_GOAL := all
HERE := $(CURDIR)
ROOT := $(abspath $(HERE)/../..)
CAPDIST_LIBDIR ?= $(ROOT)/.build/release
CAPDIST_SIMULATOR ?= $(CAPDIST_LIBDIR)/opend-simulator
CAPDIST_LIBRARY ?= $(CAPDIST_LIBDIR)/libcapdist.so.1
export CAPDIST_LIBDIR CAPDIST_SIMULATOR CAPDIST_LIBRARY
# The header is the only place that has the version.
VERSION := $(shell sed -n 's/^\#define CAPDIST_VERSION_[MP][A-Z]* //p' $(ROOT)/include/capdist.h | paste -sd.)
PART ?=
export ONLY ?=
RESULTS ?= $(ROOT)/Tests/.results/$(notdir $(HERE))

# The tools of Tests/harness. Each describes its arguments.
export PYTHONPATH := $(ROOT)/Tests
export PYTHONDONTWRITEBYTECODE := 1
GATEWAYS := python3 -m harness.gateways
CASES := python3 $(ROOT)/Tests/cases/play.py --only "$$ONLY"
SAMPLES = python3 -m harness.samples $(1) $(2) --only "$$ONLY"
TAP := python3 -m harness.tap

# Today's library in the form of version 1.0. CAPDIST_REAL must name today's.
OLDER := $(RESULTS)/older/libcapdist.so.1
$(OLDER): $(wildcard $(ROOT)/Tests/older/*)
	@mkdir -p $(@D)
	@cc -Wall -Wextra -Werror -shared -fPIC $(OLDER_FLAGS) -I$(ROOT)/include $(ROOT)/Tests/older/older.c -Wl,-soname,libcapdist.so.1 -o $@

test: $(addprefix test-,$(or $(PART),$(PARTS)))

.PHONY: test $(addprefix test-,$(PARTS))
