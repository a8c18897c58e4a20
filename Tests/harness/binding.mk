# What the Makefiles of the bindings' tests share. Each names its parts in PARTS, and has a target test-PART for each, which reports
# in TAP.
#   CAPDIST_LIBDIR     the folder of libcapdist.so and opend-simulator: what `make lib` made, if nothing else is told
#   PART, ONLY         one part alone; the tests with this in their names
#   RESULTS            where what is made for the tests goes
.DEFAULT_GOAL := all
HERE := $(CURDIR)
ROOT := $(abspath $(HERE)/../..)
CAPDIST_LIBDIR ?= $(ROOT)/.build/release
CAPDIST_SIMULATOR ?= $(CAPDIST_LIBDIR)/opend-simulator
CAPDIST_LIBRARY ?= $(CAPDIST_LIBDIR)/libcapdist.so.1
export CAPDIST_LIBDIR CAPDIST_SIMULATOR CAPDIST_LIBRARY
# The one place that tells the version is the header.
VERSION := $(shell sed -n 's/^\#define CAPDIST_VERSION_[MP][A-Z]* //p' $(ROOT)/include/capdist.h | paste -sd.)
PART ?=
export ONLY ?=
RESULTS ?= $(ROOT)/Tests/.results/$(notdir $(HERE))

# The tools of Tests/harness; each tells what it takes.
export PYTHONPATH := $(ROOT)/Tests
export PYTHONDONTWRITEBYTECODE := 1
GATEWAYS := python3 -m harness.gateways
CASES := python3 $(ROOT)/Tests/cases/play.py --only "$$ONLY"
SAMPLES = python3 -m harness.samples $(1) $(2) --only "$$ONLY"
TAP := python3 -m harness.tap

# Today's library as version 1.0 was; CAPDIST_REAL must name today's.
OLDER := $(RESULTS)/older/libcapdist.so.1
$(OLDER): $(wildcard $(ROOT)/Tests/older/*)
	@mkdir -p $(@D)
	@cc -Wall -Wextra -Werror -shared -fPIC $(OLDER_FLAGS) -I$(ROOT)/include $(ROOT)/Tests/older/older.c -Wl,-soname,libcapdist.so.1 -o $@

test: $(addprefix test-,$(or $(PART),$(PARTS)))

.PHONY: test $(addprefix test-,$(PARTS))
